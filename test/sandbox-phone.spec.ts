import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { freshPhone } from './support/api.js';
import { barriersIn, describeWithBrowser, SCREENS, useBrowser, type WatchedPage } from './support/browser.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

/** From the moment a text is there to the moment it is on the screen, in milliseconds. */
const LIVE_WITHIN = 2_000;
const ALL_OFF = { undelivered: false, slow: false, down: false };

/** What a page's colours can be wrong in. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/** What would run, load or call if any of it were taken for markup. */
const MARKUP = [
  `<img src="/sandbox/icon.svg" onerror="window.ran = 1" onload="window.ran = 1"><script>window.ran = 1</script>`,
  `</p></li></ol><script>alert(1)</script><a href="javascript:alert(1)">123456</a><style>* { display: none }</style>`,
  `"><svg onload=alert(1)> &lt;b&gt; {text} \${alert(1)} <iframe srcdoc="<script>parent.ran = 1</script>">`,
].join('\n');

describeWithBrowser('the sandbox phone', () => {
  const database = useDatabase();
  const open = useBrowser();
  let service: TestService;
  beforeAll(async () => {
    service = await startService(database, { OTP_WEB_DOMAIN: 'shop.example' });
  });
  beforeEach(async () => {
    await service.api.request('PUT', '/sandbox/switches', ALL_OFF);
    await database.query('DELETE FROM sandbox_message');
  });

  const visit = async (options: Parameters<typeof open>[0], path = '/sandbox'): Promise<WatchedPage> => {
    const watched = await open(options);
    await watched.page.goto(service.url + path);
    await watched.page.locator('#state[data-name=live]').waitFor();
    return watched;
  };
  /** As another process would: straight into the table. */
  const keep = async (fields: { to?: string; text?: string; visible?: string; subject?: string; html?: string }) => {
    const { to = freshPhone(), text = 'a text', visible = 'now()', subject = null, html = null } = fields;
    await database.query(
      `INSERT INTO sandbox_message (id, reference, phone, text, channel, subject, html, visible_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, ${visible})`,
      [randomUUID(), randomUUID(), to, text, subject === null ? 'sms' : 'email', subject, html],
    );
  };
  /** As when somebody comes back to it: asks at once. That it asks by itself in time is for the tests on each screen. */
  const glance = (page: Page) => page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
  const messages = (page: Page) => page.locator('#messages > li');
  const spoken = (page: Page) => page.locator('#said').textContent();

  describe.each(Object.entries(SCREENS))('on a %s', (screen, options) => {
    it('shows a text as it arrives, says so, and copies its code', async () => {
      const { page, context, complaints } = await visit(options);
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      expect(await page.locator('#empty').isVisible()).toBe(true);
      const { phone, code } = await service.api.createAndAwaitCode({ locale: 'en' });
      await messages(page).first().waitFor({ timeout: LIVE_WITHIN });
      expect(await messages(page).locator('h3').textContent()).toBe(`SMS to ${phone}`);
      expect(await messages(page).locator('.text').textContent()).toContain(`@shop.example #${code}`);
      expect(await spoken(page)).toContain(code);
      await page.getByRole('button', { name: `Copy ${code}` }).click();
      await until('the code is copied', async () => (await spoken(page)) === `Code ${code} copied`);
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(code);
      expect(complaints).toEqual([]);
    });

    it("has nothing that stands in anybody's way, in light or dark", async () => {
      await keep({ text: 'Your code is 123456.' });
      await keep({
        to: 'ivan@example.com',
        subject: 'Your code',
        text: 'The code 654321.',
        html: '<p>The code 654321.</p>',
      });
      await keep({ visible: `'infinity'` });
      await service.api.request('PUT', '/sandbox/switches', { slow: true });
      const { page, complaints } = await open(options);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await visit(options);
      await messages(page).nth(2).waitFor();
      await page.locator('#slow:checked').waitFor();
      const ground = new Set<unknown>();
      for (const [colorScheme, rules] of [['light'], ['dark', OF_COLOURS]] as const) {
        await page.emulateMedia({ colorScheme });
        ground.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
        expect([colorScheme, ...(await barriersIn(page, rules))]).toEqual([colorScheme]);
      }
      expect(ground.size).toBe(2);
      const motion = () => page.evaluate(`getComputedStyle(document.querySelector('.message')).animationName`);
      expect(await motion()).toBe('none');
      await page.emulateMedia({ reducedMotion: 'no-preference' });
      expect(await motion()).toBe('arrive');
      const wide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect([screen, await page.evaluate(wide)]).toEqual([screen, 0]);
      expect(complaints).toEqual([]);
    });
  });

  it('is all there by the keyboard: language, filter, messages, copy and switches, in the order of the page', async () => {
    const phone = freshPhone();
    await keep({ to: phone, text: 'Your code is 123456.' });
    const { page } = await visit(SCREENS.desktop);
    await messages(page).first().waitFor();
    const stops: string[] = [];
    for (let stop = 0; stop < 8; stop += 1) {
      await page.keyboard.press('Tab');
      stops.push(String(await page.evaluate('document.activeElement.id || document.activeElement.textContent.trim()')));
    }
    const copies = expect.stringMatching(/^Copy\s+123456$/);
    expect(stops).toEqual(['Русский', 'English', 'only', expect.any(String), copies, 'undelivered', 'slow', 'down']);
    for (const name of ['down', 'slow', 'undelivered'] as const) {
      const stands = async () => (await service.api.get('/sandbox/switches')).body;
      await page.keyboard.press('Space');
      await until(`${name} is on`, async () => (await stands())[name] === true);
      await page.keyboard.press('Space');
      await until(`${name} is off`, async () => (await stands())[name] === false);
      await page.keyboard.press('Shift+Tab');
    }
    await page.keyboard.press('Enter');
    await until('the code is copied or marked', async () => (await spoken(page))?.includes('123456'));
  });

  it('leaves the focus where it is while texts arrive, and tells several at once', async () => {
    await keep({ text: 'Your code is 123456.' });
    const { page } = await visit(SCREENS.phone);
    await page.getByRole('button').focus();
    await database.query(
      `INSERT INTO sandbox_message (id, reference, phone, text)
       SELECT gen_random_uuid(), gen_random_uuid(), '+79161234567', 'a text' FROM generate_series(1, 3)`,
    );
    await glance(page);
    await messages(page).nth(3).waitFor({ timeout: LIVE_WITHIN });
    expect(await page.evaluate('document.activeElement.textContent')).toContain('123456');
    expect(await spoken(page)).toBe('New messages: 3');
  });

  it('shows what is switched elsewhere, and what the switches do', async () => {
    const { page } = await visit(SCREENS.desktop);
    await service.api.request('PUT', '/sandbox/switches', { undelivered: true });
    await page.locator('#undelivered:checked').waitFor({ timeout: LIVE_WITHIN });
    const { body } = await service.api.create();
    await service.api.until(body['reference'], { delivery: 'undelivered' });
    await glance(page);
    await page.locator('.lost').waitFor();
    expect(await page.locator('.lost').textContent()).toContain('Not delivered');
    expect(await page.getByRole('button').count()).toBe(0);
    expect(await spoken(page)).toMatch(/^SMS to \+\d+: not delivered$/);

    await page.getByRole('switch', { name: 'Undelivered' }).uncheck();
    await page.getByRole('switch', { name: 'Slow' }).check();
    await until('it is slow', async () => (await service.api.get('/sandbox/switches')).body['slow']);
    const slow = await service.api.create();
    await service.api.until(slow.body['reference'], { delivery: 'sent' });
    const [{ seconds } = {}] = await database.query(
      `SELECT extract(epoch FROM visible_at - sent_at)::int AS seconds FROM sandbox_message WHERE reference = $1`,
      [slow.body['reference']],
    );
    expect(seconds).toBe(10);
    expect(await messages(page).count()).toBe(1);
    await database.query('UPDATE sandbox_message SET visible_at = now() WHERE reference = $1', [
      slow.body['reference'],
    ]);
    await glance(page);
    await messages(page).nth(1).waitFor({ timeout: LIVE_WITHIN });
  });

  it.each([
    [{ locale: 'ru-RU' }, '/sandbox', 'ru', 'Телефон-песочница'],
    [SCREENS.desktop, '/sandbox', 'en', 'Sandbox phone'],
    [{ locale: 'ru-RU' }, '/sandbox?lang=en', 'en', 'Sandbox phone'],
  ])('speaks for %j at %s the language %s, and the other one at a click', async (options, path, language, title) => {
    const { page, complaints } = await visit(options, path);
    const seen = async () => [await page.locator('html').getAttribute('lang'), await page.title()];
    expect(await seen()).toEqual([language, title]);
    expect(await page.locator('nav [aria-current=true]').getAttribute('lang')).toBe(language);
    await page.locator('#only').fill('+79161234567');
    await page.locator('nav [aria-current=false]').click();
    await page.locator('#state[data-name=live]').waitFor();
    expect(await seen()).toEqual(language === 'ru' ? ['en', 'Sandbox phone'] : ['ru', 'Телефон-песочница']);
    expect(await page.locator('#only').inputValue()).toBe('+79161234567');
    expect(await page.content()).not.toMatch(/\{\w+\}<|>\{\w+\}/);
    expect(complaints).toEqual([]);
  });

  it('shows those to one number or address where it is asked for', async () => {
    const phone = freshPhone();
    await keep({ to: phone, text: 'to the phone' });
    await keep({ to: 'ivan@example.com', subject: 'Your code', text: 'to the address' });
    const { page } = await visit(SCREENS.desktop);
    await messages(page).nth(1).waitFor();
    // By itself, after a pause in the typing.
    await page.locator('#only').fill('+79160000000');
    await page.locator('#empty').waitFor();
    const only = async (recipient: string, texts: string[]) => {
      await page.locator('#only').fill(recipient);
      await glance(page);
      await until(`only those to ${recipient}`, async () => {
        return JSON.stringify(await page.locator('.text').allTextContents()) === JSON.stringify(texts);
      });
    };
    await only(`${phone.slice(0, 2)} (${phone.slice(2, 5)}) ${phone.slice(5)}`, ['to the phone']);
    await only('Ivan@Example.com', ['to the address']);
    await only('', ['to the address', 'to the phone']);
    expect(await page.locator('#empty').isVisible()).toBe(false);
  });

  it('runs nothing of what a text or a mail says', async () => {
    const { page, complaints } = await visit(SCREENS.desktop);
    await keep({ to: `<b>${MARKUP}`, text: MARKUP });
    await keep({ to: 'x@example.com', subject: MARKUP, text: MARKUP, html: MARKUP });
    await glance(page);
    await messages(page).nth(1).waitFor();
    expect(await page.locator('.text').allTextContents()).toEqual([MARKUP, MARKUP]);
    expect(await page.locator('.subject').first().textContent()).toBe(MARKUP);
    expect(await page.locator('#messages').locator('img, script, iframe, svg, a, style').count()).toBe(0);
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  it('may not run what is not its own, even if it came to stand in the page, and that would be seen here', async () => {
    const { page, complaints } = await visit(SCREENS.desktop);
    const planted = `const planted = document.createElement('script');
      planted.append('window.ran = 1'); document.body.append(planted)`;
    await page.evaluate(`try { ${planted} } catch {}`);
    await page.evaluate(`try { document.body.innerHTML = '<b>x</b>' } catch {}`);
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(await page.locator('main').count()).toBe(1);
    expect(complaints).not.toEqual([]);
  });

  it('marks the code for copying where the browser gives no clipboard', async () => {
    await keep({ text: 'Your code is 123456.' });
    const { page } = await visit(SCREENS.desktop);
    await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined });
      document.execCommand = () => false`);
    await page.getByRole('button').click();
    await until('it says so', async () => (await spoken(page))?.includes('123456'));
    expect(await page.evaluate('getSelection().toString()')).toBe('123456');
  });

  it('asks nothing while nobody looks, and goes on afterwards; it says when the service is away', async () => {
    const { page } = await visit(SCREENS.desktop);
    await page.clock.install();
    await page.reload();
    await page.locator('#state[data-name=live]').waitFor();
    const look = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await look(true);
    await page.locator('#state[data-name=paused]').waitFor();
    let asked = 0;
    page.on('request', () => (asked += 1));
    await keep({});
    await page.clock.runFor(10_000);
    expect(asked).toBe(0);
    await look(false);
    await messages(page).first().waitFor({ timeout: LIVE_WITHIN });

    await page.route('**/sandbox/messages', (route) => route.abort());
    await page.clock.runFor(1_000);
    await page.locator('#state.away').waitFor();
    await page.unroute('**/sandbox/messages');
    await page.clock.runFor(1_000);
    await page.locator('#state[data-name=live]').waitFor({ timeout: LIVE_WITHIN });
    await page.close();
  });
});
