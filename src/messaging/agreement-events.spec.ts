import { describe, expect, it } from '@jest/globals';
import { AGREEMENT_EVENT_NAMES, integrationType } from '../agreement/index.js';
import { checkReactions, commandFor, type ReceivedEvent, UnprocessableEvent } from './agreement-events.js';
import { SendCode } from './send-code.js';

const REFERENCE = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const ASK_FOR_A_CODE = ['AgreementCreated', 'CodeRequested'];
const ASK_FOR_NOTHING = AGREEMENT_EVENT_NAMES.filter((name) => !ASK_FOR_A_CODE.includes(name));

const HEADERS = {
  ce_specversion: '1.0',
  ce_id: '019aa3b2-5c1e-7d30-9f4a-000000000001',
  ce_source: '/agreement-service',
  ce_type: integrationType('CodeRequested'),
  'content-type': 'application/json',
};

function event(change: Partial<ReceivedEvent> = {}): ReceivedEvent {
  return { value: JSON.stringify({ reference: REFERENCE, generation: 2 }), headers: HEADERS, ...change };
}

function ofType(ce_type: string, value = event().value): ReceivedEvent {
  return { value, headers: { ...HEADERS, ce_type } };
}

function without(name: keyof typeof HEADERS): ReceivedEvent {
  return event({ headers: Object.fromEntries(Object.entries(HEADERS).filter(([header]) => header !== name)) });
}

describe('an event', () => {
  it.each(ASK_FOR_A_CODE)('%s asks for the code of its generation', (name) => {
    const data = { reference: REFERENCE, generation: 2, something_new: true };

    const command = commandFor(ofType(`clients.agreement.${name}.v1`, JSON.stringify(data)));

    expect(command).toEqual(new SendCode(REFERENCE, 2, null));
    expect(command).toBeInstanceOf(SendCode);
  });

  it('carries its trace on', () => {
    expect(commandFor(event({ headers: { ...HEADERS, traceparent: TRACE } }))).toEqual(
      new SendCode(REFERENCE, 2, TRACE),
    );
  });

  it('is understood from bytes as from text', () => {
    expect(commandFor(event({ value: Buffer.from(event().value ?? '') }))).toEqual(new SendCode(REFERENCE, 2, null));
  });

  it.each(ASK_FOR_NOTHING)('%s asks for nothing, in any version', (name) => {
    expect(commandFor(ofType(`clients.agreement.${name}.v1`))).toBeUndefined();
    expect(commandFor(ofType(`clients.agreement.${name}.v2`, '{}'))).toBeUndefined();
  });

  it.each([
    'clients.agreement.SomethingNew.v1',
    'clients.agreement.constructor.v1',
    'clients.agreement.toString.v1',
    'clients.agreement.AgreementCreated',
    'clients.agreement.agreementcreated.v1',
    'orders.AgreementCreated.v1',
    '',
  ])('of the type %j, which this version does not know, is skipped', (type) => {
    expect(commandFor(ofType(type))).toBeUndefined();
  });

  it.each([
    ['clients.agreement.AgreementCreated.v2', 'version 2 of AgreementCreated is not known'],
    ['clients.agreement.CodeRequested.v0', 'version 0 of CodeRequested is not known'],
    ['clients.agreement.CodeRequested.v999999', 'version 999999 of CodeRequested is not known'],
  ])('of the version %s, which this one should act on and cannot understand, is refused', (type, reason) => {
    expect(() => commandFor(ofType(type))).toThrow(new UnprocessableEvent(reason));
  });

  it.each<[string, ReceivedEvent]>([
    ['no specversion', without('ce_specversion')],
    ['another specversion', event({ headers: { ...HEADERS, ce_specversion: '0.3' } })],
    ['no type', without('ce_type')],
    ['no id', without('ce_id')],
    ['no headers', event({ headers: {} })],
  ])('with %s is none, and is refused', (_, received) => {
    expect(() => commandFor(received)).toThrow(new UnprocessableEvent('not a CloudEvent 1.0 in binary mode'));
  });

  it.each([
    [null, 'the value is not JSON'],
    ['', 'the value is not JSON'],
    ['{"reference": ', 'the value is not JSON'],
    [Buffer.from([0xff, 0xfe, 0x00]), 'the value is not JSON'],
    ['null', 'the value is not a JSON object'],
    ['[]', 'the value is not a JSON object'],
    [JSON.stringify([{ reference: REFERENCE, generation: 2 }]), 'the value is not a JSON object'],
    ['42', 'the value is not a JSON object'],
    ['"text"', 'the value is not a JSON object'],
    ['true', 'the value is not a JSON object'],
  ])('with the value %j is refused, whatever its type', (value, reason) => {
    for (const name of [...ASK_FOR_A_CODE, 'CodeSent', 'SomethingNew']) {
      expect(() => commandFor(ofType(`clients.agreement.${name}.v1`, value))).toThrow(new UnprocessableEvent(reason));
    }
  });

  it.each([
    [{}, 'reference is not a UUID'],
    [{ generation: 1 }, 'reference is not a UUID'],
    [{ reference: null, generation: 1 }, 'reference is not a UUID'],
    [{ reference: 42, generation: 1 }, 'reference is not a UUID'],
    [{ reference: [REFERENCE], generation: 1 }, 'reference is not a UUID'],
    [{ reference: `${REFERENCE} `, generation: 1 }, 'reference is not a UUID'],
    [{ reference: "'; DROP TABLE send; --", generation: 1 }, 'reference is not a UUID'],
    [{ reference: REFERENCE }, 'generation is not a count'],
    [{ reference: REFERENCE, generation: null }, 'generation is not a count'],
    [{ reference: REFERENCE, generation: '1' }, 'generation is not a count'],
    [{ reference: REFERENCE, generation: 0 }, 'generation is not a count'],
    [{ reference: REFERENCE, generation: -1 }, 'generation is not a count'],
    [{ reference: REFERENCE, generation: 1.5 }, 'generation is not a count'],
    [{ reference: REFERENCE, generation: 1e9 }, 'generation is not a count'],
  ])('that asks for a code with %j is refused', (data, reason) => {
    expect(() => commandFor(event({ value: JSON.stringify(data) }))).toThrow(new UnprocessableEvent(reason));
  });
});

describe('every event that this version writes', () => {
  it('was thought of', () => {
    expect(() => checkReactions()).not.toThrow();
  });
});
