import { describe, expect, it } from '@jest/globals';
import { refusalOf } from './smpp-status.js';

describe('a status of an SMSC', () => {
  it.each([
    [0x01, 'refused', 'ESME_RINVMSGLEN'],
    [0x0a, 'refused', 'ESME_RINVSRCADR'],
    [0x0b, 'refused', 'ESME_RINVDSTADR'],
    [0x45, 'refused', 'ESME_RSUBMITFAIL'],
    [0x66, 'refused', 'ESME_RX_R_APPN'],
    [0x101, 'refused', 'ESME_RPROHIBITED'],
    [0x04, 'try_later', 'ESME_RINVBNDSTS'],
    [0x08, 'try_later', 'ESME_RSYSERR'],
    [0x0d, 'try_later', 'ESME_RBINDFAIL'],
    [0x14, 'try_later', 'ESME_RMSGQFUL'],
    [0x58, 'try_later', 'ESME_RTHROTTLED'],
    [0x64, 'try_later', 'ESME_RX_T_APPN'],
    [0xff, 'try_later', 'ESME_RUNKNOWNERR'],
    [0x410, 'try_later', 'SMPP_0x410'],
    [0xffffffff, 'try_later', 'SMPP_0xffffffff'],
  ])('0x%s is %s: %s', (status, kind, reason) => {
    expect(refusalOf(status)).toMatchObject({ kind, reason });
  });

  it('quiets the session where it was too much, ends it where it is none, and is reported where it is our account', () => {
    const all = Array.from({ length: 0x500 }, (_, status) => ({ status, ...refusalOf(status) }));
    const those = (what: 'tooMuch' | 'notBound' | 'ourAccount'): number[] =>
      all.filter((refusal) => refusal[what]).map(({ status }) => status);
    expect(those('tooMuch')).toEqual([0x14, 0x58]);
    expect(those('notBound')).toEqual([0x04, 0x0d, 0x0e, 0x0f]);
    expect(those('ourAccount')).toEqual([0x0a, 0x15, 0x48, 0x49, 0x53, 0x100, 0x101, 0x103]);
  });
});
