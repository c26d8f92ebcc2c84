import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from './config.js';
import { Database, type Statement } from './database/index.js';

/** Keys under an id for which this database knows another one. */
const CHANGED: Statement = {
  name: 'key_changed',
  text: `
    SELECT k.purpose, k.id FROM key_fingerprint k
    JOIN unnest($1::text[], $2::text[], $3::bytea[]) AS given (purpose, id, fingerprint) USING (purpose, id)
    WHERE k.fingerprint <> given.fingerprint`,
};

/** Keys that are new to this database; those that another process was first with stay as they are. */
const REMEMBER: Statement = {
  name: 'key_remember',
  text: `
    INSERT INTO key_fingerprint (purpose, id, fingerprint)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) ON CONFLICT (purpose, id) DO NOTHING`,
};

/** Codes that are alive now and were made by none of these keys. */
const MISSED: Statement = {
  name: 'key_missed',
  text: `
    SELECT DISTINCT code_key_id AS id FROM agreement
    WHERE expires_at > now() AND status = 'pending' AND code_expires_at > now() AND NOT (code_key_id = ANY ($1::text[]))`,
};

/** The configured keys cannot be those of this database; `message` names ids, never keys. */
class WrongKeys extends Error {}

/** Compares the configured keys with what this database has seen: another key under a known id would refuse right codes. */
@Injectable()
export class KeyCheck {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
  ) {}

  /** @throws WrongKeys, and then the keys leave no trace: a mistake can be put right under the same ids */
  async run(): Promise<void> {
    const given = this.#fingerprints();
    await this.#refuseWrong(given);
    await this.database.query(REMEMBER, given);
    // Of two processes that bring different keys under a new id one was first.
    await this.#refuseWrong(given);
  }

  async #refuseWrong(given: readonly unknown[]): Promise<void> {
    const changed = await this.database.query<{ purpose: string; id: string }>(CHANGED, given);
    const missed = await this.database.query<{ id: string }>(MISSED, [this.config.otpKeys.map(({ id }) => id)]);
    const faults = [
      ...changed.map(({ purpose, id }) => `${purpose} ${id} is not the key that this database knows under that id`),
      ...missed.map(({ id }) => `OTP_KEYS lacks the key ${id}, which made codes that are still on their way`),
    ];
    if (faults.length > 0) throw new WrongKeys(faults.join('; '));
  }

  /** Purposes, ids and fingerprints, a column each. */
  #fingerprints(): [string[], string[], Buffer[]] {
    const { otpKeys, contactKeys } = this.config;
    const keys = [
      ...otpKeys.map((key) => ({ purpose: 'OTP_KEYS', ...key })),
      ...contactKeys.map((key) => ({ purpose: 'CONTACT_KEYS', ...key })),
    ];
    const fingerprints = keys.map(({ secret }) =>
      createHash('sha256').update('fingerprint').update(secret.reveal()).digest(),
    );
    return [keys.map(({ purpose }) => purpose), keys.map(({ id }) => id), fingerprints];
  }
}
