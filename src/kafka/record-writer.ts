const INITIAL_BYTES = 64 * 1024;
/** Up to here a loop over the characters is faster than the call into Buffer. */
const SHORT = 48;

/** Writes the primitives of Kafka's protocol one behind the other into one buffer, which grows as it must. */
export class RecordWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  /** How much is written. */
  get length(): number {
    return this.#length;
  }

  /** What is written, not copied: of no use after the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  int8(value: number): void {
    this.#reserve(1);
    this.#length = this.#bytes.writeInt8(value, this.#length);
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#length = this.#bytes.writeInt16BE(value, this.#length);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigInt64BE(value, this.#length);
  }

  /** A text with an int16 before it; null for none. */
  string(text: string | null): void {
    this.int16(text === null ? -1 : Buffer.byteLength(text));
    if (text === null) return;
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** Zigzag, 7 bits a byte. @param value a whole number from -2^52 to 2^52 */
  varint(value: number): void {
    this.#reserve(10);
    this.#length = this.#putVarint(value, this.#length);
  }

  /** With its length as a varint before it; null for none. */
  varintBytes(value: Buffer | string | null | undefined): void {
    if (value === null || value === undefined) return this.varint(-1);
    if (typeof value === 'string') return this.#varintText(value);
    this.varint(value.length);
    this.#reserve(value.length);
    this.#length += value.copy(this.#bytes, this.#length);
  }

  /** What `write` writes, with its length as a varint before it. */
  varintSized(write: () => void): void {
    const start = this.#length;
    // Of what is between 64 and 8191 bytes long, as an event is, the length takes two.
    this.#reserve(2);
    this.#length += 2;
    write();
    this.#prefix(start, 2);
  }

  /** What `write` writes, with its length as an int32 before it; gives where it begins. */
  sized(write: () => void): void {
    this.int32(0);
    const start = this.#length;
    write();
    this.#bytes.writeInt32BE(this.#length - start, start - 4);
  }

  /** Fills in what was not known when its place was written. */
  uint32At(value: number, offset: number): void {
    this.#bytes.writeUInt32BE(value, offset);
  }

  #varintText(text: string): void {
    const start = this.#length;
    const guessed = sizeOfVarint(text.length);
    this.#reserve(guessed + text.length * 3);
    this.#length += guessed;
    if (text.length > SHORT || !this.#ascii(text)) this.#length += this.#bytes.write(text, this.#length);
    this.#prefix(start, guessed);
  }

  /** Gives whether it could; else nothing is written. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#length;
    for (let n = 0; n < text.length; n += 1) {
      const code = text.charCodeAt(n);
      if (code > 127) return false;
      bytes[start + n] = code;
    }
    this.#length += text.length;
    return true;
  }

  /** Puts the length of what lies behind a gap into it, and moves that where the gap has another size. */
  #prefix(start: number, gap: number): void {
    const length = this.#length - start - gap;
    const needed = sizeOfVarint(length);
    if (needed !== gap) {
      this.#reserve(needed);
      this.#bytes.copyWithin(start + needed, start + gap, this.#length);
      this.#length += needed - gap;
    }
    this.#putVarint(length, start);
  }

  #putVarint(value: number, at: number): number {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    let offset = at;
    for (; rest > 127; offset += 1) {
      this.#bytes[offset] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[offset] = rest;
    return offset + 1;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Of a length. */
function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = 2 * value; rest > 127; rest = Math.floor(rest / 128)) size += 1;
  return size;
}
