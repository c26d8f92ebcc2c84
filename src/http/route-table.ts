import { Injectable } from '@nestjs/common';
import type { RouteOptions } from 'fastify';

/** Which methods each path knows: Fastify itself answers 404 to a wrong method, HTTP asks for 405 (RFC 9110 §15.5.6). */
@Injectable()
export class RouteTable {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** Called by Fastify for every route. */
  add({ url, method }: Pick<RouteOptions, 'url' | 'method'>): void {
    const pattern = url
      .split('/')
      .map((part) => (part.startsWith(':') ? '[^/]+' : RegExp.escape(part)))
      .join('/');
    if (url.includes('*')) return;
    this.#routes.push({ pattern: new RegExp(`^${pattern}/?$`), methods: [method].flat() });
  }

  /** The methods of a path, sorted; none for a path that nobody serves. */
  methodsOf(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '';
    const methods = this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
    return methods.length === 0 ? [] : [...new Set([...methods, 'OPTIONS'])].sort();
  }
}
