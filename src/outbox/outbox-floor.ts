/**
 * From where the relay reads: a hint that spares the scan what is long gone. Numbers are given before the commit, so a
 * lower one may come up after a higher one was published; it must not be passed, for the next event of its agreement
 * gets a higher number and would be published first. So the floor rises only over numbers whose transactions have all
 * ended: each had its id before the statement that deleted a batch had its own (in the statements that write events the
 * id precedes the number or follows it at once), and a later read that saw nothing older running saw all that they left.
 */
export class OutboxFloor {
  #seq = '0';
  #mark: { readonly seq: string; readonly xid: bigint } | undefined;

  /** Everything up to this number has left. */
  get seq(): string {
    return this.#seq;
  }

  reset(): void {
    this.#seq = '0';
    this.#mark = undefined;
  }

  /**
   * A batch was read from the floor and has left.
   * @param last its highest number
   * @param oldestRunning the oldest transaction that ran when it was read
   * @param deletedBy the transaction that deleted it
   */
  passed(last: string, oldestRunning: string, deletedBy: string): void {
    if (this.#mark && BigInt(oldestRunning) >= this.#mark.xid) {
      this.#seq = BigInt(last) < BigInt(this.#mark.seq) ? last : this.#mark.seq;
      this.#mark = undefined;
    }
    this.#mark ??= { seq: last, xid: BigInt(deletedBy) };
  }
}
