import { describe, expect, it } from '@jest/globals';
import { type EventMessage, type OutboxEvent, toMessage } from './cloud-event.js';

const EVENT: OutboxEvent = {
  seq: '9007199254740993',
  id: '019aa3b2-5c1e-7d30-9f4a-000000000001',
  aggregateid: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  type: 'clients.agreement.CodeRequested.v1',
  payload: `{"reference": "019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50", "metadata": {"имя": "ё 😀 \\"\\\\"}, "generation": 2}`,
  client: 'shop',
  test: false,
  sequence: 7,
  occurred_at: new Date('2026-01-31T12:00:00.001Z'),
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

/** Reads a message by the rules of the CloudEvents Kafka binding, §3.2: what begins with `ce_` is an attribute. */
function read({ headers, value }: EventMessage): object {
  const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce_'));
  return {
    ...Object.fromEntries(attributes.map(([name, text]) => [name.slice(3), text])),
    datacontenttype: headers['content-type'],
    data: JSON.parse(value) as unknown,
  };
}

describe('the message of an event', () => {
  it('is a CloudEvent 1.0 in binary mode with all that the contract lists', () => {
    expect(toMessage(EVENT).headers).toStrictEqual({
      ce_specversion: '1.0',
      ce_id: EVENT.id,
      ce_source: '/agreement-service',
      ce_type: 'clients.agreement.CodeRequested.v1',
      ce_subject: EVENT.aggregateid,
      ce_time: '2026-01-31T12:00:00.001Z',
      ce_sequence: '7',
      ce_client: 'shop',
      ce_test: 'false',
      'content-type': 'application/json',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
  });

  it('gives a reader the event back', () => {
    expect(read(toMessage({ ...EVENT, test: true }))).toEqual({
      specversion: '1.0',
      id: EVENT.id,
      source: '/agreement-service',
      type: 'clients.agreement.CodeRequested.v1',
      subject: EVENT.aggregateid,
      time: '2026-01-31T12:00:00.001Z',
      sequence: '7',
      client: 'shop',
      test: 'true',
      datacontenttype: 'application/json',
      data: { reference: EVENT.aggregateid, generation: 2, metadata: { имя: 'ё 😀 "\\' } },
    });
  });

  it('has the attributes in the form that the specification asks for', () => {
    const { headers } = toMessage(EVENT);

    for (const name of Object.keys(headers).filter((header) => header.startsWith('ce_'))) {
      expect(name.slice(3)).toMatch(/^[a-z0-9]{1,20}$/);
    }
    for (const attribute of ['ce_id', 'ce_source', 'ce_type', 'ce_subject']) expect(headers[attribute]).not.toBe('');
    expect(headers['ce_time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(URL.canParse(headers['ce_source'] ?? '', 'https://any.example')).toBe(true);
  });

  it('goes with all the others of its agreement by its key', () => {
    expect(toMessage(EVENT).key).toBe(EVENT.aggregateid);
  });

  it('has no trace where there was none', () => {
    expect(Object.keys(toMessage({ ...EVENT, traceparent: null }).headers)).not.toContain('traceparent');
  });

  it('holds nothing of the row that is only for the relay', () => {
    expect(JSON.stringify(toMessage(EVENT))).not.toContain(EVENT.seq);
  });
});
