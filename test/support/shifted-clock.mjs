/**
 * For `node --import`: the wall clock of this process is wrong by CLOCK_SHIFT milliseconds, and the machine's is not.
 * With CLOCK_JUMPS set it is right until SIGUSR2, so that a spec sees it jump.
 */
const shift = Number(process.env.CLOCK_SHIFT ?? 0);
const RightDate = Date;
let wrongBy = process.env.CLOCK_JUMPS ? 0 : shift;
process.on('SIGUSR2', () => (wrongBy = shift));

globalThis.Date = class Date extends RightDate {
  constructor(...given) {
    super(...(given.length > 0 ? given : [RightDate.now() + wrongBy]));
  }
  static now() {
    return RightDate.now() + wrongBy;
  }
};
