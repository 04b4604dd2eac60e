/** An IPv4 range: its first address as a number, and the length of its mask. */
export interface Range {
  base: number;
  mask: number;
}

export function parseRange(cidr: string): Range {
  const [address = '', mask = ''] = cidr.split('/');
  const parts = address.split('.').map(Number);
  const length = Number(mask);
  const sound =
    parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  if (!sound || mask === '' || !Number.isInteger(length) || length < 0 || length > 32) {
    throw new Error(`'${cidr}' is not an IPv4 range such as 10.0.0.0/16`);
  }
  const number = parts.reduce((sum, part) => sum * 256 + part, 0);
  const size = sizeOf(length);
  return { base: Math.floor(number / size) * size, mask: length };
}

export function formatRange({ base, mask }: Range): string {
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${parts.join('.')}/${mask}`;
}

/** How many addresses a mask of this length leaves. */
export function sizeOf(mask: number): number {
  return 2 ** (32 - mask);
}

/** The next range of the given size that begins behind this one. */
export function nextRange(previous: Range, mask: number): Range {
  const end = previous.base + sizeOf(previous.mask);
  const size = sizeOf(mask);
  return { base: Math.ceil(end / size) * size, mask };
}

/** The range of the given size at the beginning of this one. */
export function firstOf(range: Range, mask: number): Range {
  return { base: range.base, mask };
}

export function overlap(a: Range, b: Range): boolean {
  return a.base < b.base + sizeOf(b.mask) && b.base < a.base + sizeOf(a.mask);
}

/** Bits that are needed to tell so many things apart. */
export function bitsFor(count: number): number {
  return count === 0 ? 0 : Math.ceil(Math.log2(count));
}
