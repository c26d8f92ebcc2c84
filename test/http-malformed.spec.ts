import { connect } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { lines, rawRequest } from './support/raw-request.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

const HOST = 'Host: localhost';
const JSON_TYPE = 'Content-Type: application/json';
const POST = 'POST /v1/agreement HTTP/1.1';
const PROBLEM = 'application/problem+json; charset=utf-8';
const URN = /^urn:uuid:[\da-f-]{36}$/;

describe('bytes that are not quite HTTP', () => {
  const database = useDatabase();
  let service: TestService;
  beforeAll(async () => {
    service = await startService(database);
  });
  const send = (bytes: string | Buffer) => rawRequest(service.url, bytes);

  afterEach(async () => {
    expect((await service.api.get('/health/ready')).status).toBe(200);
  });

  it.each<[string, number, string | Buffer]>([
    ['a method that nobody knows', 400, lines('FETCH /v1/agreement HTTP/1.1', HOST)],
    ['no method', 400, lines('/v1/agreement', HOST)],
    ['no HTTP at all', 400, '\0\0\0\0\r\n\r\n'],
    ['a greeting of TLS', 400, Buffer.from('16030100a5010000a10303', 'hex')],
    ['a target without a slash', 400, lines('GET v1 HTTP/1.1', HOST)],
    ['a target that is not ASCII', 400, lines('GET /v1/agreement/привет HTTP/1.1', HOST)],
    ['a version to come', 400, lines('GET /v1/agreement HTTP/4.0', HOST)],
    ['headers of 20 KB', 431, lines('GET /v1/agreement HTTP/1.1', HOST, `X-Long: ${'a'.repeat(20_000)}`)],
    ['a target of 20 KB', 431, lines(`GET /v1/agreement/${'a'.repeat(20_000)} HTTP/1.1`, HOST)],
    ['a header with a NUL', 400, lines('GET /v1/agreement HTTP/1.1', HOST, 'X-Request-Id: a\0b')],
    ['a header without a name', 400, lines('GET /v1/agreement HTTP/1.1', HOST, ': value')],
    ['lines that end in LF alone', 400, `GET /v1/agreement HTTP/1.1\n${HOST}\n\n`],
    ['two lengths', 400, `${lines(POST, HOST, JSON_TYPE, 'Content-Length: 2', 'Content-Length: 3')}{}`],
    ['a length that is none', 400, `${lines(POST, HOST, JSON_TYPE, 'Content-Length: -2')}{}`],
    [
      'a length and chunks (request smuggling)',
      400,
      `${lines(POST, HOST, 'Content-Length: 2', 'Transfer-Encoding: chunked')}{}`,
    ],
    ['a chunk of no length', 400, `${lines(POST, HOST, JSON_TYPE, 'Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`],
  ])('%s: a problem document', async (_, status, bytes) => {
    const { headers, body, ...answer } = await send(bytes);
    expect(answer.status).toBe(status);
    expect(headers.get('content-type')).toBe(PROBLEM);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('connection')).toBe('close');
    expect(body).toEqual({
      type: 'urn:agreement-service:problem:malformed_request',
      title: 'Malformed request',
      status,
      detail: 'Запрос не удалось разобрать.',
      instance: expect.stringMatching(URN),
      code: 'malformed_request',
      reason: 'http',
    });
    expect(body.instance).toBe(`urn:uuid:${headers.get('x-request-id')}`);
  });

  it.each<[string, number, string]>([
    ['no Host', 400, lines('GET /v1/agreement HTTP/1.1')],
    ['two Hosts', 400, lines('GET /v1/agreement HTTP/1.1', HOST, 'Host: evil.example')],
    ['the same Host twice', 400, lines('GET /v1/agreement HTTP/1.1', HOST, HOST)],
    ['the absolute form without a Host', 400, lines('GET http://localhost/v1/agreement HTTP/1.1')],
    [
      '200 headers',
      431,
      lines('GET /v1/agreement HTTP/1.1', HOST, ...Array.from({ length: 200 }, (_, n) => `X-${n}: a`)),
    ],
    ['an expectation that nobody can meet', 417, lines(POST, HOST, 'Expect: the impossible', 'Content-Length: 0')],
  ])('%s: readable, but not allowed, and the end of the connection', async (_, status, bytes) => {
    const { headers, body, ...answer } = await send(bytes.replace('Connection: close', 'Connection: keep-alive'));
    expect(answer.status).toBe(status);
    expect([headers.get('content-type'), headers.get('connection')]).toEqual([PROBLEM, 'close']);
    expect(body).toMatchObject({ code: 'malformed_request', status, reason: 'http', instance: '/v1/agreement' });
  });

  it('100 headers: taken', async () => {
    const more = Array.from({ length: 98 }, (_, n) => `X-${n}: a`);
    expect(await send(lines('GET /v1/agreement HTTP/1.1', HOST, ...more))).toMatchObject({ status: 200 });
  });

  it('an expectation to be told to go on: it is, and answered', async () => {
    const { text } = await send(`${lines(POST, HOST, JSON_TYPE, 'Expect: 100-continue', 'Content-Length: 2')}{}`);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 422']);
  });

  it('CONNECT: no tunnel', async () => {
    const { status, headers, body } = await send(lines('CONNECT localhost:80 HTTP/1.1', HOST));
    expect([status, headers.get('connection'), body.code]).toEqual([400, 'close', 'malformed_request']);
  });

  it.each(['TRACE', 'SEARCH', 'PURGE'])('%s: not allowed', async (method) => {
    const { status, headers, body } = await send(
      lines(`${method} /v1/agreement HTTP/1.1`, HOST, 'Authorization: secret'),
    );
    expect([status, body.code, headers.get('allow')]).toEqual([405, 'method_not_allowed', 'GET, HEAD, OPTIONS, POST']);
    expect(body).not.toHaveProperty('authorization');
  });

  it.each(['OPTIONS *', 'GET *'])('%s: nothing is there', async (target) => {
    expect(await send(lines(`${target} HTTP/1.1`, HOST))).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('HTTP/2 without a word before: refused', async () => {
    expect(await send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatchObject({ status: 400, body: { reason: 'http' } });
  });

  it.each(['gzip', 'br', 'deflate', 'compress', 'gzip, identity', 'x'])('a body in %s: not taken', async (coding) => {
    const answer = await send(`${lines(POST, HOST, JSON_TYPE, `Content-Encoding: ${coding}`, 'Content-Length: 2')}{}`);
    expect(answer).toMatchObject({ status: 415, body: { code: 'malformed_request', reason: 'content_encoding' } });
  });

  it('a body in identity: taken', async () => {
    const answer = await send(`${lines(POST, HOST, JSON_TYPE, 'Content-Encoding: Identity', 'Content-Length: 2')}{}`);
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
  });

  it('garbage behind a request: the request gets its own answer first', async () => {
    const fields = JSON.stringify({ id_hash: 'piped', phone: freshPhone() });
    const { text } = await send(
      `${POST}\r\n${HOST}\r\n${JSON_TYPE}\r\nContent-Length: ${fields.length}\r\n\r\n${fields}GARBAGE\r\n\r\n`,
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 201', 'HTTP/1.1 400']);
  });

  it('an upgrade to what is not there: an ordinary answer', async () => {
    const upgrade = [
      'GET /v1/agreement?limit=1 HTTP/1.1',
      HOST,
      'Upgrade: websocket',
      'Connection: Upgrade, close',
    ].join('\r\n');
    expect(await send(`${upgrade}\r\n\r\n`)).toMatchObject({ status: 200 });
  });

  it.each([
    ['/v1/agreement/%zz', 'agreement_not_found'],
    ['/v1/agreement/%', 'agreement_not_found'],
    ['/v1/agreement/%c3%28', 'agreement_not_found'],
    ['/v1/agreement/%00', 'agreement_not_found'],
    ['/v1/agreement/%2e%2e%2fhealth', 'agreement_not_found'],
    [`/v1/agreement/${'a'.repeat(10_000)}`, 'agreement_not_found'],
    ['/%zz/%zz', 'not_found'],
    ['/%', 'not_found'],
  ])('the target %.40s: %s, with all that an answer has', async (target, code) => {
    const { status, headers, body } = await send(lines(`GET ${target} HTTP/1.1`, HOST, 'X-Request-Id: mine'));
    expect({ status, code: body.code }).toEqual({ status: 404, code });
    expect([headers.get('x-request-id'), headers.get('cache-control')]).toEqual(['mine', 'no-store']);
    expect(() => new URL(body.instance, service.url)).not.toThrow();
  });

  it('the absolute form: the same route, by the host that it names', async () => {
    const absolute = (host: string, method = 'GET') =>
      send(lines(`${method} http://${host}/v1/agreement?limit=1 HTTP/1.1`, HOST));
    const ours = await absolute('localhost:1234');
    expect(ours).toMatchObject({ status: 200, body: { next_cursor: null } });
    expect(ours.headers.get('cache-control')).toBe('no-store');
    expect(await absolute('evil.example')).toMatchObject({ status: 403, body: { code: 'forbidden', reason: 'host' } });
    expect(await absolute('localhost', 'PUT')).toMatchObject({ status: 405, body: { instance: '/v1/agreement' } });
    expect(await send(lines('GET http:// HTTP/1.1', HOST))).toMatchObject({ status: expect.any(Number) });
  });

  it('HTTP/1.0: an answer, and the end of the connection', async () => {
    expect(await send(`GET /health/live HTTP/1.0\r\n\r\n`)).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await send(`GET /v1/agreement HTTP/1.0\r\n${HOST}\r\n\r\n`)).toMatchObject({ status: 200 });
    expect(await send(`GET /v1/agreement HTTP/1.0\r\n\r\n`)).toMatchObject({ status: 403, body: { reason: 'host' } });
  });

  it('a fragment, which no client should send: the path before it', async () => {
    const { body } = await send(lines('PUT /v1/agreement#top HTTP/1.1', HOST));
    expect(body).toMatchObject({ code: 'method_not_allowed', instance: '/v1/agreement' });
  });

  it('two requests behind each other: two answers in their order', async () => {
    const first = `GET /v1/agreement?limit=1 HTTP/1.1\r\n${HOST}\r\n\r\n`;
    const { text } = await send(first + lines('GET /v1/agreement/%zz HTTP/1.1', HOST));
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404']);
  });

  it('a body that breaks off: nothing is made, and the connection is given up', async () => {
    const before = await database.query('SELECT count(*) FROM agreement');
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const whole = JSON.stringify({ id_hash: 'x', phone: freshPhone() });
    socket.write(`${POST}\r\n${HOST}\r\n${JSON_TYPE}\r\nContent-Length: ${whole.length + 1}\r\n\r\n${whole}`, () =>
      socket.destroy(),
    );
    await until('the socket is gone', () => socket.closed);
    expect((await service.api.get('/v1/agreement')).status).toBe(200);
    expect(await database.query('SELECT count(*) FROM agreement')).toEqual(before);
  });
});
