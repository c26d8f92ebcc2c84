/** Castagnoli's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Of each byte value, followed by 0 to 3 zero bytes: so four bytes are looked up at once. */
const [T0, T1, T2, T3] = tables();

/** The checksum of a Kafka record batch (RFC 3720, appendix B.4): 0 to 2^32 - 1. Node's zlib knows only CRC-32. */
export function crc32c(bytes: Uint8Array, from = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let crc = -1;
  let n = from;
  for (const end = bytes.length - 3; n < end; n += 4) {
    crc ^= view.getInt32(n, true);
    crc = at(T3, crc & 255) ^ at(T2, (crc >>> 8) & 255) ^ at(T1, (crc >>> 16) & 255) ^ at(T0, crc >>> 24);
  }
  for (; n < bytes.length; n += 1) crc = at(T0, (crc ^ view.getUint8(n)) & 255) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function at(table: Int32Array, index: number): number {
  return table[index] ?? 0;
}

function tables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
  const next = (table: Int32Array) => table.map((crc) => at(first, crc & 255) ^ (crc >>> 8));
  const second = next(first);
  const third = next(second);
  return [first, second, third, next(third)];
}
