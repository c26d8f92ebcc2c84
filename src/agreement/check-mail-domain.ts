import { Resolver } from 'node:dns/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { LOGGER, type Logger } from '../logger.js';
import type { Secret } from '../secret.js';
import { AgreementError } from './agreement.errors.js';

/** What DNS says of a domain: whether anybody takes its mail, or nothing that can be relied on. */
type Verdict = 'takes' | 'refuses' | 'unknown';

/** A caller waits for it. */
const LONGEST_LOOK = 1_000;
/** How long a verdict holds: a domain that has just been set up is not to be refused for long. */
const HOLDS: Readonly<Record<Verdict, number>> = { takes: 300_000, refuses: 30_000, unknown: 5_000 };
/** Domains that are remembered, and looks at one time; beyond these an address is taken unchecked. */
const MOST_KNOWN = 5_000;
const MOST_LOOKS = 100;
/** An outage of DNS is one line of the log in so long, not one a request. */
const COMPLAINS_EVERY = 60_000;

/** What says for sure that there is no record: no such name, or no MX of it. */
const NO_RECORD = new Set(['ENOTFOUND', 'ENODATA']);

/** Knows which domains take mail, where EMAIL_CHECK_MX asks for it. */
@Injectable()
export class MailDomains {
  readonly #resolver: Resolver | undefined;
  readonly #known = new Map<string, Promise<Verdict>>();
  #looks = 0;
  #complained = false;

  constructor(
    @Inject(CONFIG) { email }: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    if (!email.checkMx) return;
    this.#resolver = new Resolver({ timeout: LONGEST_LOOK / 2, tries: 2 });
    if (email.dnsServers) this.#resolver.setServers(email.dnsServers);
  }

  /**
   * A domain takes mail where it has an MX record that names a host. One without is refused although RFC 5321 §5.1 would
   * then try its address: what has an address and no MX is a web site far more often than a mail server. A null MX
   * (RFC 7505) says that no mail is taken. Whatever DNS fails to answer lets the address pass.
   * @throws AgreementError `email_not_allowed` with the reason no_mx
   */
  async mustTakeMail(address: Secret<string>): Promise<void> {
    if (!this.#resolver) return;
    const domain = address.reveal().split('@').at(-1) ?? '';
    if ((await this.#verdict(this.#resolver, domain)) === 'refuses') {
      throw new AgreementError({ code: 'email_not_allowed', reason: 'no_mx' });
    }
  }

  #verdict(resolver: Resolver, domain: string): Promise<Verdict> {
    const known = this.#known.get(domain);
    if (known) return known;
    if (this.#looks >= MOST_LOOKS) return Promise.resolve(this.#unknown('too many looks at one time'));
    const verdict = this.#look(resolver, domain);
    this.#known.set(domain, verdict);
    const forget = (): unknown => this.#known.get(domain) === verdict && this.#known.delete(domain);
    void verdict.then((found) => setTimeout(forget, HOLDS[found]).unref());
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return verdict;
  }

  async #look(resolver: Resolver, domain: string): Promise<Verdict> {
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => resolve('late'), LONGEST_LOOK);
    this.#looks += 1;
    const asked = resolver.resolveMx(domain).finally(() => (this.#looks -= 1));
    try {
      const found = await Promise.race([asked, late]);
      if (found === 'late') return this.#unknown('no answer in time');
      return found.some(({ exchange }) => exchange !== '' && exchange !== '.') ? 'takes' : 'refuses';
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      return NO_RECORD.has(code) ? 'refuses' : this.#unknown(code);
    } finally {
      clearTimeout(timer);
      asked.catch(() => undefined);
    }
  }

  #unknown(reason: string): Verdict {
    if (!this.#complained) {
      this.#complained = true;
      setTimeout(() => (this.#complained = false), COMPLAINS_EVERY).unref();
      this.logger.warn({ reason }, 'DNS does not say who takes the mail of a domain; addresses are taken unchecked');
    }
    return 'unknown';
  }
}
