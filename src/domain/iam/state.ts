import type { StatePlace } from './scope';

/** The place in S3 that a backend's address names, `s3://state/folder?prefix=team/`; null for any other backend. */
export function statePlaceOf(address: string | undefined): StatePlace | null {
  if (address?.startsWith('s3://') !== true) return null;
  const { hostname: bucket, pathname, searchParams } = new URL(address);
  const folder = pathname.replace(/^\/+|\/+$/g, '');
  return { bucket, prefix: `${searchParams.get('prefix') ?? ''}${folder === '' ? '' : `${folder}/`}` };
}
