import { describe, expect, it } from '@jest/globals';
import { readGateway } from './gateway-file.js';

const faultsOf = (receipts: string, answers = '- { outcome: accepted, id: none }', more = ''): unknown => {
  const text = `request: { form: { to: '{to}', text: '{text}' } }
answers:
  ${answers}
receipts:
  signed: ${receipts}
  id: id
  status: status
  delivered: ok
  undelivered: no
${more}`;
  const read = readGateway(text);
  return 'faults' in read ? read.faults : [];
};

const at = (line: number, message: RegExp): unknown => [{ line, message: expect.stringMatching(message) }];

describe('the signature of receipts', () => {
  it.each([
    [`{ by: hmac, header: X-Sig }\n  format: query`, /over must hold \{url\}/],
    [`{ by: hmac, header: X-Sig, over: '{body}' }\n  format: query`, /over must hold \{url\}/],
    [`{ by: hmac, header: X-Sig, over: '{url}' }`, /over must hold \{body\}/],
    [`{ by: standard-webhooks }\n  format: query`, /signs the body, and nothing of a receipt in the query/],
    [`{ by: hmac, header: 'X Sig' }`, /signed\.header is no name of a header/],
    [`{ by: hmac, header: X-Sig, over: '{header:X-Time}{body}', timestamp: 'X-Time:' }`, /timestamp is no/],
    [`{ by: secret, header: 'X-Ключ' }`, /signed\.header is no name of a header/],
    [`{ by: secret, body: a..b }`, /signed\.body must be a path/],
  ])('is refused where it is %j', (signed, message) => {
    expect(faultsOf(signed)).toContainEqual({ line: 5, message: expect.stringMatching(message) });
  });

  it('may be over the address alone where the receipt stands there', () => {
    expect(faultsOf(`{ by: hmac, header: X-Sig, over: '{url}' }\n  format: query`)).toEqual([]);
  });
});

describe('a file that says too little or too much', () => {
  it('is refused without a rule, and with a second document', () => {
    expect(faultsOf('{ by: secret, query: key }', '[]')).toEqual(at(2, /^answers must be a list with a rule in it$/));
    const second = '---\nanswers: []\n';
    expect(faultsOf('{ by: secret, query: key }', undefined, second)).toEqual(at(10, /^a second document begins here/));
  });
});
