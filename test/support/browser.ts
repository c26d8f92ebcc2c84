import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe } from '@jest/globals';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Debian's package calls it so. */
const PROGRAM = 'chromium';

/** As people have them. */
export const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
} as const;

/** A page with all that it has complained of. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of its console, breaches of its policy among them, what it threw, and what could not be loaded. */
  readonly complaints: string[];
}

function programInPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders
    .map((folder) => join(folder, PROGRAM))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** `describe` for specs in a real browser; skipped where there is none, with the reason in the name, but not in CI. */
export function describeWithBrowser(name: string, specs: () => void): void {
  if (programInPath() !== undefined || process.env['CI'] === 'true') describe(name, specs);
  else describe.skip(`${name} (skipped: ${PROGRAM}, Debian's package, is not in PATH)`, specs);
}

/**
 * One Chromium for a spec file.
 * @returns the page of these options, blank: a page costs more than most tests, so those with the same options have it one
 * after the other. What cannot be undone by leaving a document (a clock, a route) is for a test that closes its page.
 */
export function useBrowser(): (options?: BrowserContextOptions) => Promise<WatchedPage> {
  let browser: Browser;
  const pages = new Map<string, WatchedPage>();
  beforeAll(async () => {
    const executablePath = programInPath();
    if (executablePath === undefined) throw new Error(`${PROGRAM} is not in PATH`);
    // Root has no other way; everything that is shown is our own.
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  }, 30_000);
  afterEach(async () => {
    await Promise.all(Array.from(pages.values(), leave));
  });
  afterAll(() => browser?.close());
  return async (options = {}) => {
    const kept = pages.get(JSON.stringify(options));
    if (kept && !kept.page.isClosed()) {
      kept.complaints.length = 0;
      return kept;
    }
    const context = await browser.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    const watched = { page, context, complaints: complaintsOf(page) };
    pages.set(JSON.stringify(options), watched);
    return watched;
  };
}

async function leave({ page, context }: WatchedPage): Promise<void> {
  if (page.isClosed()) return;
  await page.goto('about:blank');
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await context.clearPermissions();
}

function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    // Given up by the browser itself, because the page was left.
    if (why !== 'net::ERR_ABORTED') complaints.push(`not loaded (${why}): ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return complaints;
}

/** What axe has against a page, by rule and place. @param rules some of axe's; none: all of them */
export async function barriersIn(page: Page, rules?: string[]): Promise<string[]> {
  // It would open another page to join what it found in frames; there are none.
  const axe = new AxeBuilder({ page }).setLegacyMode(true);
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}
