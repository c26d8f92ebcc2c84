import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { JsonTemplate, RequestBody, RequestDescription } from './gateway-description.js';
import { looksLikeBraces, type Section, textOf } from './section.js';
import { namesIn, parseTemplate, type Placeholder, type Template } from './template.js';

/** How a header may be called (RFC 9110 §5.6.2). */
export const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Those that say where a request begins and ends, and who is asked. */
const NOT_OURS = new Set(
  'host,content-length,transfer-encoding,connection,keep-alive,expect,upgrade,te,trailer,proxy-authorization'.split(
    ',',
  ),
);
/** A header holds what is known when the service starts, and ids; a text is none of it. */
const NOT_IN_HEADERS = new Set<Placeholder>(['text']);

/** Reads the section `request`. @returns undefined where a fault was found that leaves nothing to go on with */
export function readRequest(root: Section): RequestDescription | undefined {
  if (!root.has('request')) root.fault('request', 'is missing: how a text is handed over');
  const section = root.section('request');
  if (!section) return undefined;
  const method = section.choice('method', ['POST', 'GET', 'PUT']) ?? 'POST';
  const address = readAddress(section);
  const query = readFields(section, 'query');
  const headers = readHeaders(section);
  const basic = readBasic(section, headers);
  const body = readBody(section, method);
  section.close();
  if (!address) return undefined;
  const request = { method, ...address, query, headers, basic, body };
  requireParts(section, request);
  return request;
}

/** Every placeholder that a request uses. */
export function placeholdersOf(request: RequestDescription): ReadonlySet<Placeholder> {
  const { target, query, headers, basic, body } = request;
  const fields = [...query, ...headers, ...(body?.kind === 'form' ? body.fields : [])].map(([, template]) => template);
  const inJson = body?.kind === 'json' ? templatesIn(body.value) : [];
  const all = [target, ...fields, ...inJson, ...(basic ? [basic.user, basic.password] : [])];
  return new Set(all.flatMap(namesIn));
}

function requireParts(section: Section, request: RequestDescription): void {
  const used = placeholdersOf(request);
  if (!used.has('text')) section.faults.add(section.map, 'request does not use {text}');
  if (!['to', 'to_digits', 'to_number'].some((name) => used.has(name as Placeholder))) {
    section.faults.add(section.map, 'request uses neither {to} nor {to_digits}');
  }
}

/** The address: scheme, host and port are fixed; placeholders stand behind them. */
function readAddress(section: Section): Pick<RequestDescription, 'origin' | 'target'> | undefined {
  const url = section.has('url') ? section.text('url') : '{url}';
  if (url === undefined) return undefined;
  const [, base = '', rest = ''] = /^(\{url\}|https?:\/\/[^/?#]*)(.*)$/s.exec(url) ?? [];
  const wrong = faultOfBase(base, rest);
  const target = parseTemplate(rest);
  const fault = wrong ?? (typeof target === 'string' ? target : undefined);
  if (fault !== undefined || typeof target === 'string') {
    section.fault('url', fault ?? '');
    return undefined;
  }
  return { origin: base === '{url}' ? undefined : base, target };
}

function faultOfBase(base: string, rest: string): string | undefined {
  if (base === '') return 'must begin with {url}, https:// or http://';
  if (base === '{url}') {
    if (rest !== '' && !/^[/?]/.test(rest)) return 'must go on after {url} with / or ?, or not at all';
  } else {
    if (base.includes('{')) return 'has a placeholder in its host or port, where none may stand';
    if (base.includes('@')) return 'must hold no user or password';
    if (!URL.parse(base)) return 'has no host';
  }
  if (rest.includes('#')) return 'must have no part behind a #';
  return /[\p{Cc}\s]/u.test(rest) ? 'must hold no spaces or control characters' : undefined;
}

function readTemplate(section: Section, key: string, node: Node | null): Template | undefined {
  const text = textOf(node);
  if (text === undefined || !node) {
    section.fault(key, `must be a text${node ? looksLikeBraces(node) : ''}`);
    return undefined;
  }
  const template = parseTemplate(text);
  if (typeof template !== 'string') return template;
  section.fault(key, template);
  return undefined;
}

function readFields(parent: Section, key: string): (readonly [string, Template])[] {
  const section = parent.section(key);
  if (!section) return [];
  return section.entries().flatMap(([name, , node]) => {
    if (name.includes('{')) section.fault(name, 'has a placeholder in its name, where none may stand');
    const template = readTemplate(section, name, node);
    return template ? [[name, template] as const] : [];
  });
}

function readHeaders(parent: Section): (readonly [string, Template])[] {
  const section = parent.section('headers');
  if (!section) return [];
  const names = new Set<string>();
  return section.entries().flatMap(([name, , node]) => {
    const lower = name.toLowerCase();
    if (!TOKEN.test(name)) section.fault(name, 'is no name of a header');
    else if (NOT_OURS.has(lower)) section.fault(name, 'is written by the service itself');
    else if (names.has(lower)) section.fault(name, 'stands twice');
    names.add(lower);
    const template = readTemplate(section, name, node);
    if (!template) return [];
    if (namesIn(template).some((used) => NOT_IN_HEADERS.has(used))) section.fault(name, 'cannot hold {text}');
    if (template.some((part) => typeof part === 'string' && !isHeaderValue(part))) {
      section.fault(name, 'has a line end or another character that a header cannot hold');
    }
    return [[lower, template] as const];
  });
}

/** Whether HTTP can carry it in a header: no CR, LF, NUL or other control characters (RFC 9110 §5.5), bytes only. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

function readBasic(parent: Section, headers: readonly (readonly [string, Template])[]): RequestDescription['basic'] {
  const section = parent.section('basic');
  if (!section) return undefined;
  const [user, password] = ['user', 'password'].map((key) => {
    if (section.has(key)) return readTemplate(section, key, section.get(key) ?? null);
    section.fault(key, 'is missing');
    return undefined;
  });
  section.close();
  if (headers.some(([name]) => name === 'authorization'))
    parent.fault('basic', 'and a header Authorization exclude each other');
  return user && password ? { user, password } : undefined;
}

function readBody(section: Section, method: string): RequestBody | undefined {
  const hasJson = section.has('json');
  if (hasJson && section.has('form')) section.fault('form', 'and json exclude each other');
  if (method === 'GET' && (hasJson || section.has('form'))) {
    section.fault(hasJson ? 'json' : 'form', 'cannot be sent by GET; use query');
  }
  const fields = readFields(section, 'form');
  const node = section.get('json');
  if (node) return { kind: 'json', value: readJson(section, node) };
  return section.has('form') ? { kind: 'form', fields } : undefined;
}

function readJson(section: Section, node: Node | null): JsonTemplate {
  if (isMap(node)) {
    const fields = (node.items as { key: Node; value: Node | null }[]).map(({ key, value }) => {
      const name = textOf(key);
      if (name === undefined) section.faults.add(key, 'request.json: a key must be a word');
      if (name?.includes('{')) {
        const braces = looksLikeBraces(node) || '; a key is taken as it is';
        section.faults.add(key, `request.json has a placeholder in a key, where none may stand${braces}`);
      }
      if (value === null) section.faults.add(key, `request.json has a key without a value${looksLikeBraces(node)}`);
      return [name ?? '', readJson(section, value)] as const;
    });
    return { fields };
  }
  if (isSeq(node)) return { list: (node.items as Node[]).map((item) => readJson(section, item)) };
  if (!isScalar(node)) {
    if (node) section.faults.add(node, 'request.json must hold texts, numbers, true, false, null, lists and mappings');
    return null;
  }
  const { value } = node;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  const template = parseTemplate(textOf(node) ?? '');
  if (typeof template !== 'string') return { template };
  section.faults.add(node, `request.json ${template}`);
  return null;
}

function templatesIn(value: JsonTemplate): readonly Template[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('template' in value) return [value.template];
  if ('list' in value) return value.list.flatMap(templatesIn);
  return value.fields.flatMap(([, field]) => templatesIn(field));
}
