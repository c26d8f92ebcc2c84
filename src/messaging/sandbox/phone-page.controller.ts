import { readFileSync } from 'node:fs';
import { Controller, Get, Header, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Language, languageOf, PAGE_HEADERS } from '../../http/index.js';
import { PHONE_WORDS } from './phone-words.js';

/** The screen of a phone, with its script and style. Not there in production. */
@ApiExcludeController()
@Controller('sandbox')
export class PhonePageController {
  // Read when it is made, so never in production.
  readonly #pages = { ru: pageIn('ru'), en: pageIn('en') };
  readonly #script = fileOf('phone.js');
  readonly #style = fileOf('phone.css');
  readonly #icon = fileOf('icon.svg');

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Vary', 'Accept-Language')
  page(
    @Query('lang') wanted: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): string {
    const language = wanted === 'ru' || wanted === 'en' ? wanted : languageOf(request);
    reply.headers({ ...PAGE_HEADERS, 'Content-Language': language });
    return this.#pages[language];
  }

  @Get('phone.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script(): string {
    return this.#script;
  }

  @Get('phone.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  style(): string {
    return this.#style;
  }

  @Get('icon.svg')
  @Header('Content-Type', 'image/svg+xml')
  icon(): string {
    return this.#icon;
  }
}

/** The page with its words in place; those that the script needs come as JSON in an attribute. */
function pageIn(language: Language): string {
  const { script, ...page } = PHONE_WORDS[language];
  const current = { ruCurrent: String(language === 'ru'), enCurrent: String(language === 'en') };
  const words: Record<string, string> = { ...page, ...current, language, script: JSON.stringify(script) };
  return fileOf('phone.html').replaceAll(/\{(\w+)\}/g, (_, name: string) => escaped(words[name] ?? ''));
}

function fileOf(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
