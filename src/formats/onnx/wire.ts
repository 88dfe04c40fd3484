/**
 * @file Protocol Buffers wire format, writing side (protobuf.dev/programming-guides/encoding). Messages are built whole
 * in memory except for weights: those are announced by {@link ProtoWriter.announceBytes} and streamed by the caller.
 */

const VARINT = 0;
const LENGTH_DELIMITED = 2;

const utf8 = new TextEncoder();

export class ProtoWriter {
  private buffer = new Uint8Array(256);
  private length = 0;

  get byteLength(): number {
    return this.length;
  }

  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** int32, int64 and enum fields. `value` is a safe integer; negatives take ten bytes, as the format asks. */
  int(field: number, value: number): this {
    this.tag(field, VARINT);
    if (value >= 0) return this.varint(value);
    // Two's complement in 64 bits: −1 is 2⁶⁴ − 1.
    let bits = BigInt.asUintN(64, BigInt(value));
    for (; bits > 0x7fn; bits >>= 7n) this.byte(Number(bits & 0x7fn) | 0x80);
    return this.byte(Number(bits));
  }

  string(field: number, text: string): this {
    return this.bytes(field, utf8.encode(text));
  }

  bytes(field: number, value: Uint8Array): this {
    this.announceBytes(field, value.byteLength);
    return this.raw(value);
  }

  message(field: number, write: (message: ProtoWriter) => void): this {
    const message = new ProtoWriter();
    write(message);
    return this.bytes(field, message.finish());
  }

  /** Tag and length of a length-delimited field whose `byteLength` bytes are written elsewhere, right after. */
  announceBytes(field: number, byteLength: number): this {
    this.tag(field, LENGTH_DELIMITED);
    return this.varint(byteLength);
  }

  raw(value: Uint8Array): this {
    this.reserve(value.byteLength);
    this.buffer.set(value, this.length);
    this.length += value.byteLength;
    return this;
  }

  private tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** Seven bits a byte, low ones first. Division, not shifts: lengths may pass 2³². */
  private varint(value: number): this {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 0x80);
    return this.byte(rest);
  }

  private byte(value: number): this {
    this.reserve(1);
    this.buffer[this.length++] = value;
    return this;
  }

  private reserve(extra: number): void {
    if (this.length + extra <= this.buffer.byteLength) return;
    const grown = new Uint8Array(Math.max(this.buffer.byteLength * 2, this.length + extra));
    grown.set(this.finish());
    this.buffer = grown;
  }
}
