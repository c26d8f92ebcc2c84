/** The statuses of SMPP 3.4 (§5.1.3), and those of 5.0 that 3.4's SMSCs say too. */
const NAMES: Readonly<Record<number, string>> = {
  0x01: 'ESME_RINVMSGLEN',
  0x02: 'ESME_RINVCMDLEN',
  0x03: 'ESME_RINVCMDID',
  0x04: 'ESME_RINVBNDSTS',
  0x05: 'ESME_RALYBND',
  0x06: 'ESME_RINVPRTFLG',
  0x07: 'ESME_RINVREGDLVFLG',
  0x08: 'ESME_RSYSERR',
  0x0a: 'ESME_RINVSRCADR',
  0x0b: 'ESME_RINVDSTADR',
  0x0d: 'ESME_RBINDFAIL',
  0x0e: 'ESME_RINVPASWD',
  0x0f: 'ESME_RINVSYSID',
  0x14: 'ESME_RMSGQFUL',
  0x15: 'ESME_RINVSERTYP',
  0x40: 'ESME_RINVDESTFLAG',
  0x42: 'ESME_RINVSUBREP',
  0x43: 'ESME_RINVESMCLASS',
  0x44: 'ESME_RCNTSUBDL',
  0x45: 'ESME_RSUBMITFAIL',
  0x48: 'ESME_RINVSRCTON',
  0x49: 'ESME_RINVSRCNPI',
  0x50: 'ESME_RINVDSTTON',
  0x51: 'ESME_RINVDSTNPI',
  0x53: 'ESME_RINVSYSTYP',
  0x54: 'ESME_RINVREPFLAG',
  0x58: 'ESME_RTHROTTLED',
  0x61: 'ESME_RINVSCHED',
  0x62: 'ESME_RINVEXPIRY',
  0x63: 'ESME_RINVDFTMSGID',
  0x64: 'ESME_RX_T_APPN',
  0x65: 'ESME_RX_P_APPN',
  0x66: 'ESME_RX_R_APPN',
  0xc0: 'ESME_RINVOPTPARSTREAM',
  0xc1: 'ESME_ROPTPARNOTALLWD',
  0xc2: 'ESME_RINVPARLEN',
  0xc3: 'ESME_RMISSINGOPTPARAM',
  0xc4: 'ESME_RINVOPTPARAMVAL',
  0xfe: 'ESME_RDELIVERYFAILURE',
  0xff: 'ESME_RUNKNOWNERR',
  0x100: 'ESME_RSERTYPUNAUTH',
  0x101: 'ESME_RPROHIBITED',
  0x102: 'ESME_RSERTYPUNAVAIL',
  0x103: 'ESME_RSERTYPDENIED',
  0x104: 'ESME_RINVDCS',
};

/** What we answer. */
export const STATUS = {
  ok: 0,
  unknownCommand: 0x03,
  tooLong: 0x02,
  /** To be said again later. */
  notNow: 0x64,
  /** Not to be said again. */
  never: 0x65,
} as const;

/** It does not take `validity_period`, or not as we write it: `ESME_RINVEXPIRY`. */
export const INVALID_EXPIRY = 0x62;

/** The SMSC has not the session that we believe in. */
const NOT_BOUND = new Set([0x04, 0x0d, 0x0e, 0x0f]);
const TOO_MUCH = new Set([0x14, 0x58]);
/** Not taken, and the same text may be taken later. */
const PASSING = new Set([...NOT_BOUND, ...TOO_MUCH, 0x05, 0x08, 0x64, 0xff, 0x102]);
/** Not about this text: every one will be refused until the account or a setting is mended. */
const OUR_ACCOUNT = new Set([0x0a, 0x15, 0x48, 0x49, 0x53, 0x100, 0x101, 0x103]);

/** What a status that is not zero means for the text that it answers. */
export interface Refusal {
  readonly kind: 'refused' | 'try_later';
  readonly reason: string;
  /** The whole session is to be quiet for a while. */
  readonly tooMuch: boolean;
  /** The session is to be made anew. */
  readonly notBound: boolean;
  /** An operator has to do something. */
  readonly ourAccount: boolean;
}

/**
 * A status that the standard does not name, such as those of vendors (0x400–0x4FF): the text was not taken, that is
 * certain; whether it would be refused again is not, so it is tried again later.
 */
export function refusalOf(status: number): Refusal {
  const isNamed = NAMES[status] !== undefined;
  return {
    kind: isNamed && !PASSING.has(status) ? 'refused' : 'try_later',
    reason: statusName(status),
    tooMuch: TOO_MUCH.has(status),
    notBound: NOT_BOUND.has(status),
    ourAccount: OUR_ACCOUNT.has(status),
  };
}

/** As the standard names it, else `SMPP_0x…`. */
export function statusName(status: number): string {
  return NAMES[status] ?? `SMPP_0x${status.toString(16)}`;
}
