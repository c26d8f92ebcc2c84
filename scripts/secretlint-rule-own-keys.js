// A rule of secretlint, which finds it by the NODE_PATH of `npm run check:secrets`: the keys of this service itself.

/** What `npm run keys` prints, and a list of OTP_KEYS or CONTACT_KEYS with 32 bytes or more in it. */
const KEYS = {
  API_KEY: /\bagr_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g,
  KEY_RING: /\b(?:OTP|CONTACT)_KEYS["']?\s*[=:]\s*["'`]?[\w.,:-]*?[\w.-]+:[A-Za-z0-9+/]{43,}={0,2}/g,
};

const messages = {
  API_KEY: { en: () => 'found an API key of the service' },
  KEY_RING: { en: () => 'found a key of OTP_KEYS or CONTACT_KEYS' },
};

export const creator = {
  messages,
  meta: { id: 'own-keys', recommended: true, type: 'scanner', supportedContentTypes: ['text'] },
  create(context) {
    const translate = context.createTranslator(messages);
    return {
      file({ content }) {
        for (const [name, pattern] of Object.entries(KEYS)) {
          for (const { index, 0: found } of content.matchAll(pattern)) {
            context.report({ message: translate(name, {}), range: [index, index + found.length] });
          }
        }
      },
    };
  },
};
