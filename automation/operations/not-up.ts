import { BasculeError } from '../../src/domain/errors';

/** An environment whose service stack was never applied, or was taken away. */
export function notUp(environment: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_NOT_UP',
    message: `${environment} is not up: its stack has no resources yet.`,
    next: `Make it: \`bascule up ${environment}\`.`,
  });
}
