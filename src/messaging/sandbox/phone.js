// The phone of /sandbox: asks every second what has arrived. What a text says is a stranger's: it goes in as text, never
// as markup.

/** Milliseconds. */
const EVERY = 1_000;
const ANSWER_WITHIN = 5_000;
const TYPED_AFTER = 300;
const COPIED_FOR = 2_000;

const SWITCHES = '/sandbox/switches';
/** The line of WebOTP says it for certain; else the first number that is as long as a code. */
const CODES = [/^@\S+ #(\d{6,10})$/m, /(?<!\d)(\d{6,10})(?!\d)/];

const words = JSON.parse(document.body.dataset.words);
const at = (id) => document.getElementById(id);
const list = at('messages');
const only = at('only');
const switches = [...document.querySelectorAll('[role=switch]')];

/** What each path last answered with, by its ETag. */
const tags = new Map();
/** The elements of the messages on the screen, by id. */
const shown = new Map();
/** The path whose messages are on the screen. */
let shownOf;
let timer;
let asking = false;
/** How often something was switched here: an answer that was asked for before that is out of date. */
let switched = 0;

const filled = (template, values) => template.replaceAll(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
const say = (text) => (at('said').textContent = text);

function state(name) {
  const { classList, dataset } = at('state');
  if (dataset.name === name) return;
  dataset.name = name;
  at('state').textContent = words[name];
  classList.toggle('away', name === 'away');
}

/** What a path answers; undefined where that is what it answered before. */
async function news(path) {
  const tag = tags.get(path);
  const headers = tag ? { 'if-none-match': tag } : {};
  const response = await fetch(path, { headers, cache: 'no-store', signal: AbortSignal.timeout(ANSWER_WITHIN) });
  // Read to its end in any case: Chromium calls an answer aborted that is left lying.
  const text = await response.text();
  if (response.status === 304) return undefined;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  tags.set(path, response.headers.get('etag'));
  return JSON.parse(text);
}

function messagesPath() {
  const recipient = only.value.trim();
  if (recipient === '') return '/sandbox/messages';
  const query = recipient.includes('@') ? { email: recipient } : { phone: recipient.replaceAll(/[\s().-]/g, '') };
  return `/sandbox/messages?${new URLSearchParams(query)}`;
}

/** Asks once, and again in a second; not while nobody sees the page. */
async function look() {
  clearTimeout(timer);
  if (document.hidden) state('paused');
  if (document.hidden || asking) return;
  asking = true;
  const [path, before] = [messagesPath(), switched];
  // "As before" says nothing where something else is on the screen.
  if (path !== shownOf) tags.delete(path);
  try {
    const [answer, stand] = await Promise.all([news(path), news(SWITCHES)]);
    if (answer && path === messagesPath()) show(answer.messages, path);
    if (stand && before === switched) setSwitches(stand);
    state('live');
  } catch {
    state('away');
  }
  asking = false;
  timer = setTimeout(look, path === messagesPath() ? EVERY : 0);
}

/** Puts in what is new and takes out what is gone; what stays is not touched, so neither is the focus in it. */
function show(messages, path) {
  const first = path !== shownOf;
  shownOf = path;
  const ids = new Set(messages.map(({ id }) => id));
  for (const [id, element] of shown) {
    if (ids.has(id)) continue;
    element.remove();
    shown.delete(id);
  }
  const arrived = messages.filter(({ id }) => !shown.has(id));
  let next = list.firstElementChild;
  for (const message of messages) {
    const element = shown.get(message.id) ?? list.insertBefore(elementOf(message), next);
    shown.set(message.id, element);
    next = element.nextElementSibling;
  }
  at('empty').hidden = messages.length > 0;
  if (first || arrived.length === 0) return;
  const [newest] = arrived;
  say(arrived.length > 1 ? filled(words.several, { count: arrived.length }) : spoken(newest));
}

const titleOf = ({ channel, to }) => filled(channel === 'email' ? words.email : words.sms, { to });

function spoken(message) {
  const template = message.delivery === 'undelivered' ? words.lost : words.arrived;
  return filled(template, { what: titleOf(message), text: message.text });
}

function elementOf(message) {
  const lost = message.delivery === 'undelivered';
  const element = at(lost ? 'lost' : 'message').content.cloneNode(true).firstElementChild;
  element.querySelector('h3').textContent = titleOf(message);
  const time = element.querySelector('time');
  time.dateTime = message.sent_at;
  time.textContent = new Date(message.sent_at).toLocaleTimeString(document.documentElement.lang, { hourCycle: 'h23' });
  if (!lost) fill(element, message);
  return element;
}

function fill(element, { text, subject }) {
  const [subjectLine, textLine, codeLine] = ['.subject', '.text', '.code'].map((name) => element.querySelector(name));
  textLine.textContent = text;
  subjectLine.textContent = subject ?? '';
  subjectLine.hidden = !subject;
  const code = CODES.map((pattern) => pattern.exec(text)?.[1]).find((found) => found);
  codeLine.hidden = !code;
  if (!code) return;
  codeLine.querySelector('b').textContent = code;
  codeLine.querySelector('.unseen').textContent = code;
  codeLine.querySelector('button').addEventListener('click', () => copy(code, codeLine));
}

/** By the clipboard where the browser gives it (over HTTPS and on this machine), else by what is selected. */
async function copy(code, codeLine) {
  const label = codeLine.querySelector('.label');
  const written = await navigator.clipboard?.writeText(code).then(
    () => true,
    () => false,
  );
  if (!written) getSelection().selectAllChildren(codeLine.querySelector('b'));
  if (!written && !document.execCommand('copy')) {
    say(filled(words.selected, { code }));
    return;
  }
  say(filled(words.copiedCode, { code }));
  label.dataset.before ??= label.textContent;
  label.textContent = `✓ ${words.copied}`;
  setTimeout(() => (label.textContent = label.dataset.before), COPIED_FOR);
}

function setSwitches(stand) {
  for (const element of switches) {
    element.checked = stand[element.id];
    element.disabled = false;
  }
}

async function flip(element) {
  const { id, checked } = element;
  switched += 1;
  const mine = switched;
  try {
    const response = await fetch(SWITCHES, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ [id]: checked }),
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
    if (!response.ok) throw new Error(`${SWITCHES} answered ${response.status}`);
  } catch {
    if (mine === switched) element.checked = !checked;
    say(words.notSwitched);
  }
  switched += 1;
  // What was asked for meanwhile was left out; it has to come again.
  tags.delete(SWITCHES);
}

only.value = new URLSearchParams(location.search).get('to') ?? '';
at('filter').addEventListener('submit', (event) => event.preventDefault());
only.addEventListener('input', () => {
  clearTimeout(timer);
  timer = setTimeout(look, TYPED_AFTER);
});
for (const link of document.querySelectorAll('nav a')) {
  link.addEventListener('click', () => {
    const to = only.value.trim();
    if (to) link.search = new URLSearchParams({ lang: link.lang, to });
  });
}
for (const element of switches) element.addEventListener('change', () => flip(element));
document.addEventListener('visibilitychange', look);
void look();
