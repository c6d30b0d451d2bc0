/** MurmurHash2 (32 bits, Austin Appleby) of a text's UTF-8 bytes: how front ends name a cell to a debugger. */
export function murmur2(text: string, seed: number): number {
  const bytes = Buffer.from(text);
  const mix = 0x5bd1e995;
  let hash = seed ^ bytes.length;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), mix);
    word = Math.imul(word ^ (word >>> 24), mix);
    hash = Math.imul(hash, mix) ^ word;
  }
  const left = bytes.length - at;
  for (let index = left - 1; index >= 0; index--) hash ^= (bytes[at + index] ?? 0) << (8 * index);
  if (left > 0) hash = Math.imul(hash, mix);
  hash = Math.imul(hash ^ (hash >>> 13), mix);
  return (hash ^ (hash >>> 15)) >>> 0;
}
