import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config, type NamedKey } from './config.js';
import { Database, type Statement } from './database/index.js';

const REMEMBER: Statement = {
  name: 'key_remember',
  text: `
    INSERT INTO key_fingerprint (purpose, id, fingerprint) VALUES ($1, $2, $3)
    ON CONFLICT (purpose, id) DO UPDATE SET purpose = excluded.purpose
    RETURNING fingerprint = $3 AS same`,
};

/** Codes that are alive now and were made by none of these keys. */
const MISSED: Statement = {
  name: 'key_missed',
  text: `
    SELECT DISTINCT code_key_id AS id FROM agreement
    WHERE expires_at > now() AND status = 'pending' AND code_expires_at > now() AND NOT (code_key_id = ANY ($1::text[]))`,
};

/** The configured keys cannot be those of this database; `message` names ids, never keys. */
export class WrongKeys extends Error {}

/** Compares the configured keys with what this database has seen: another key under a known id would refuse right codes. */
@Injectable()
export class KeyCheck {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
  ) {}

  /** @throws WrongKeys */
  async run(): Promise<void> {
    const { otpKeys, contactKeys } = this.config;
    const changed = [...(await this.#changed('OTP_KEYS', otpKeys)), ...(await this.#changed('CONTACT_KEYS', contactKeys))];
    const missed = await this.database.query<{ id: string }>(MISSED, [otpKeys.map(({ id }) => id)]);
    const faults = [
      ...changed.map((name) => `${name} is not the key that this database knows under that id`),
      ...missed.map(({ id }) => `OTP_KEYS lacks the key ${id}, which made codes that are still on their way`),
    ];
    if (faults.length > 0) throw new WrongKeys(faults.join('; '));
  }

  async #changed(purpose: string, keys: readonly NamedKey[]): Promise<string[]> {
    const changed: string[] = [];
    for (const { id, secret } of keys) {
      const fingerprint = createHash('sha256').update('fingerprint').update(secret.reveal()).digest();
      const [row] = await this.database.query<{ same: boolean }>(REMEMBER, [purpose, id, fingerprint]);
      if (!row?.same) changed.push(`${purpose} ${id}`);
    }
    return changed;
  }
}
