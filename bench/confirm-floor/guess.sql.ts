/** What a guess needs of its agreement: one look by the primary key. */
export const LOAD_BARE = {
  name: 'floor_load',
  text: `
    SELECT client, id_hash, contact, document_id, document_version, document_sha256, locale, metadata, status, version,
      code_hash, code_expires_at, code_failures, created_at, expires_at
    FROM agreement WHERE reference = $1`,
};

/** The right guess, on the version that was loaded: the rows that the service writes. */
export const CONFIRM_BARE = {
  name: 'floor_confirm',
  text: `
    WITH saved AS (
      UPDATE agreement SET status = 'confirmed', version = version + 1, sequence = sequence + 1, confirmed_at = $3,
        code_generation = NULL, code_key_id = NULL, code_nonce = NULL, code_hash = NULL, code_issued_at = NULL,
        code_expires_at = NULL, code_failures = NULL
      WHERE reference = $1 AND version = $2
      RETURNING reference, sequence
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail)
      SELECT reference, $3::timestamptz, 'confirmed', '{"generation": 1}' FROM saved
    ), raised AS (
      INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
      SELECT $4::uuid, 'agreement', reference::text, 'clients.agreement.AgreementConfirmed.v1', $5::jsonb, 'bench', false,
        sequence, $3::timestamptz, $6
      FROM saved
    )
    SELECT sequence FROM saved`,
};

/** A wrong one, likewise. */
export const MISS_BARE = {
  name: 'floor_miss',
  text: `
    WITH saved AS (
      UPDATE agreement SET version = version + 1, failures = failures + 1, code_failures = code_failures + 1
      WHERE reference = $1 AND version = $2
      RETURNING reference, code_failures
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail)
      SELECT reference, now(), 'code_mismatched', jsonb_build_object('generation', 1, 'attempts_left', 3 - code_failures)
      FROM saved
    )
    SELECT code_failures FROM saved`,
};

/**
 * Both in one statement: the row is locked, compared and changed where it lies, and no version is needed. What is compared
 * are keyed hashes, so their time says nothing about the code. No row comes back where no guess is to be taken.
 */
export const GUESS_BARE = {
  name: 'floor_guess',
  text: `
    WITH found AS (
      SELECT reference, code_hash = $2 AS is_right FROM agreement
      WHERE reference = $1 AND client = 'bench' AND status = 'pending' AND code_expires_at > now() AND code_failures < 3
      FOR UPDATE
    ), saved AS (
      UPDATE agreement a SET version = version + 1, sequence = sequence + is_right::int,
        status = CASE WHEN is_right THEN 'confirmed' ELSE status END,
        confirmed_at = CASE WHEN is_right THEN now() END,
        failures = failures + (NOT is_right)::int,
        code_generation = CASE WHEN NOT is_right THEN code_generation END,
        code_key_id = CASE WHEN NOT is_right THEN code_key_id END,
        code_nonce = CASE WHEN NOT is_right THEN code_nonce END,
        code_hash = CASE WHEN NOT is_right THEN code_hash END,
        code_issued_at = CASE WHEN NOT is_right THEN code_issued_at END,
        code_expires_at = CASE WHEN NOT is_right THEN code_expires_at END,
        code_failures = CASE WHEN NOT is_right THEN code_failures + 1 END
      FROM found f WHERE a.reference = f.reference
      RETURNING a.*, is_right
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail)
      SELECT reference, now(), CASE WHEN is_right THEN 'confirmed' ELSE 'code_mismatched' END, CASE WHEN is_right
        THEN '{"generation": 1}'::jsonb ELSE jsonb_build_object('generation', 1, 'attempts_left', 3 - code_failures) END
      FROM saved
    ), raised AS (
      INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
      SELECT $3::uuid, 'agreement', reference::text, 'clients.agreement.AgreementConfirmed.v1', jsonb_build_object(
          'reference', reference, 'client', client, 'id_hash', id_hash, 'document', jsonb_build_object('id', document_id,
          'version', document_version, 'sha256', document_sha256), 'test', false, 'occurred_at', now(), 'generation', 1,
          'created_at', created_at, 'confirmed_at', now(), 'metadata', metadata),
        client, test, sequence, now(), $4
      FROM saved WHERE is_right
    )
    SELECT is_right, id_hash, contact, document_id, document_version, document_sha256, locale, metadata, created_at,
      code_failures, now() AS confirmed_at
    FROM saved`,
};
