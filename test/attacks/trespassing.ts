import type { Answer } from '../support/api.js';
import { rawRequest } from '../support/raw-request.js';
import { type Attack, counted, kindOf, othersThan, storm, unless } from './answers.js';
import { untouched } from './guessing.js';

const UNKNOWN = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';

/** Every call to one agreement, with the code that was sent for it. */
const CALLS: Readonly<Record<string, (reference: string, code: string) => readonly [string, string, object?]>> = {
  get: (reference) => ['GET', `/v1/agreement/${reference}`],
  confirm: (reference, code) => ['POST', `/v1/agreement/${reference}`, { code }],
  resend: (reference) => ['POST', `/v1/agreement/${reference}/resend`],
  cancel: (reference) => ['POST', `/v1/agreement/${reference}/cancel`, {}],
  withdraw: (reference) => ['POST', `/v1/agreement/${reference}/withdraw`, { reason: 'x' }],
};

/** Another client's agreement on every route, with its own right code: what an unknown one answers, and no trace. */
export const foreignKeys: Attack = async (deployment) => {
  const victims = await Promise.all(Object.keys(CALLS).map(() => deployment.agreement({}, 'victim')));
  const holes: string[] = [];
  for (const [index, [name, call]] of Object.entries(CALLS).entries()) {
    const { reference, code } = victims[index]!;
    const ask = (which: string, caller: 'shop' | 'bank') => deployment.at(index, caller).request(...call(which, code));
    const [foreign, unknown] = [await ask(reference, 'shop'), await ask(UNKNOWN, 'shop')];
    const told = shapeOf(foreign, reference);
    holes.push(
      ...unless(kindOf(foreign) === '404 agreement_not_found', `${name} of a foreign one answers ${kindOf(foreign)}`),
      ...unless(told === shapeOf(unknown, UNKNOWN), `${name} tells a foreign agreement from an unknown one: ${told}`),
    );
    const { body: own } = await deployment.at(0, 'victim').get(`/v1/agreement/${reference}`);
    const found = `${own['status']}, ${own['attempts_left']} attempts, ${own['codes_left']} codes`;
    holes.push(...unless(found === 'pending, 3 attempts, 4 codes', `after a foreign ${name} it is ${found}`));
    const right = await deployment.at(1, 'victim').confirm(reference, code);
    holes.push(...unless(right.status === 200, `after a foreign ${name} its own client is answered ${kindOf(right)}`));
  }
  const { body: listed } = await deployment.at(0, 'shop').get('/v1/agreement?limit=100');
  const seen = (listed['items'] as { reference: string }[]).map(({ reference }) => reference);
  const shown = victims.filter(({ reference }) => seen.includes(reference));
  return [...holes, ...unless(shown.length === 0, `a foreign list shows ${shown.length} agreements`)];
};

/** What an answer tells, apart from the reference that was asked for. */
function shapeOf({ status, headers, body }: Answer, reference: string): string {
  const names = [...headers.keys()].sort().join();
  return `${status} ${names} ${headers.get('content-length')} ${JSON.stringify(body).replace(reference, UNKNOWN)}`;
}

/** Names under which a page in a browser can reach a local service, and that are not its own. */
const FOREIGN_HOSTS = [
  'evil.example',
  'localhost.evil.example',
  '127.0.0.1.nip.io',
  '10.0.0.1',
  'localhost@evil.example',
];
const FORGED = ['X-Forwarded-Host: localhost', 'Forwarded: host=localhost', 'X-Host: localhost'];

/** A foreign Host on a service that is open to everybody: refused everywhere, whatever else the request says. */
export const rebinding: Attack = async (deployment) => {
  const { reference, code, phone } = await deployment.agreement();
  const agreement = `/v1/agreement/${reference}`;
  const requests = [
    ['GET', '/v1/agreement'],
    ['GET', agreement],
    ['POST', agreement, JSON.stringify({ code })],
    ['POST', `${agreement}/cancel`, '{}'],
    ['POST', '/v1/agreement', JSON.stringify({ id_hash: 'x', phone })],
    ['OPTIONS', '/v1/agreement'],
    ['GET', `/sandbox/messages?phone=%2B${phone.slice(1)}`],
    ['GET', '/docs-json'],
  ] as const;
  const asked = FOREIGN_HOSTS.flatMap((host) => requests.map((request) => [host, ...request] as const));
  const answers = await Promise.all(
    asked.map(async ([host, method, path, body = ''], index) => {
      const { url } = deployment.at(index);
      const { status, body: answer, text } = await rawRequest(url, bytesOf(method, path, host, body));
      const refused = status === 403 && answer.code === 'forbidden' && !text.includes('id_hash');
      return unless(refused, `${method} ${path} of the host ${host} is answered ${status} ${answer.code ?? ''}`);
    }),
  );
  const absolute = await rawRequest(
    deployment.at(0).url,
    bytesOf('GET', 'http://evil.example/v1/agreement', 'localhost', ''),
  );
  const own = await rawRequest(deployment.at(1).url, bytesOf('GET', agreement, 'localhost', ''));
  return [
    ...answers.flat(),
    ...unless(absolute.status === 403, `a target of a foreign host is answered ${absolute.status}`),
    ...unless(own.status === 200, `its own name is answered ${own.status}: nothing was attacked`),
    ...(await untouched(deployment, { reference, code, phone }, 'on the open service')),
  ];
};

function bytesOf(method: string, path: string, host: string, body: string): string {
  const head = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...FORGED, 'Connection: close'];
  const content = body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  return `${[...head, ...content].join('\r\n')}\r\n\r\n${body}`;
}

/** Keys that are none, on every route: nobody gets in, and nothing is told of why. */
export const wrongKeys: Attack = async (deployment) => {
  const { reference, code } = await deployment.agreement();
  const key = deployment.keyOf('shop');
  const last = key.at(-1) === 'A' ? 'B' : 'A';
  const presented = ['', 'Bearer', 'Bearer ', `Bearer ${key.slice(0, -1)}${last}`, `Bearer ${key.slice(0, -1)}`]
    .concat([`Bearer ${key}x`, `Basic ${key}`, key, `Bearer ${key.toUpperCase()}`, `Bearer ${key} x`])
    .concat(deployment.environment['API_KEYS']!.split(',').map((entry) => `Bearer ${entry.split(':')[1]}`));
  const asked = presented.flatMap((authorization) =>
    Object.values(CALLS).map((call) => [authorization, call(reference, code)] as const),
  );
  const answers = await storm(asked.length, (index) => {
    const [authorization, call] = asked[index]!;
    return deployment
      .at(index)
      .with({ authorization })
      .request(...call);
  });
  const right = await deployment.at(0).confirm(reference, code);
  return [
    ...othersThan(['401 unauthorized'], answers).map((hole) => `a wrong key: ${hole}`),
    ...unless(Object.keys(counted(answers)).length > 0, 'no wrong key was tried'),
    ...unless(right.status === 200, `after wrong keys the right one is answered ${kindOf(right)}`),
  ];
};
