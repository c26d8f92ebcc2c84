import { parseEmailAddress, parsePhoneNumber } from '../../agreement/index.js';

/** As a create takes it, but of any country. @returns E.164; null where no text could have gone there */
export function numberOf(typed: string | undefined, defaultRegion: string | undefined): string | null {
  // A plus that was not percent-encoded comes as a space.
  return found(typed?.replace(/^ (?=\d)/, '+'), (text) => {
    return parsePhoneNumber(text, { countries: '*', defaultRegion }).e164.reveal();
  });
}

/** As a create takes it. @returns the address in lower case; null where no mail could have gone there */
export function addressOf(typed: string | undefined): string | null {
  return found(typed, (text) => parseEmailAddress(text, { blockedDomains: new Set() }).reveal().toLowerCase());
}

function found(typed: string | undefined, parse: (text: string) => string): string | null {
  if (typed === undefined) return null;
  try {
    return parse(typed);
  } catch {
    return null;
  }
}
