/** The rows of a create in the service's own schema; whatever is always the same stands in the text. */
export const ADD_BARE = {
  name: 'floor_add',
  text: `
    WITH added AS (
      INSERT INTO agreement (
        reference, client, id_hash, channel, contact, contact_hash, contact_key_id, country,
        document_id, document_version, document_sha256, locale, metadata, test,
        status, version, sequence, generation, requested_at, failures, created_at, expires_at
      ) VALUES (
        $1, 'bench', $2, 'sms', $3, $4, 'bench', 'RU', $5, $6, $7, 'ru', $8, false,
        'pending', 1, 1, 1, $9, 0, $9, $10
      )
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail) VALUES ($1, $9, 'created', '{"generation": 1}')
    )
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
    VALUES ($11, 'agreement', $1::uuid::text, 'clients.agreement.AgreementCreated.v1', $12, 'bench', false, 1, $9, $13)`,
};

/** The same rows, many at a time, from one JSON array. */
export const ADD_BATCH = {
  name: 'floor_add_batch',
  text: `
    WITH given AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS g (
        reference uuid, id_hash text, contact text, contact_hash bytea, document_id text, document_version text,
        document_sha256 text, metadata jsonb, created_at timestamptz, expires_at timestamptz, event_id uuid,
        payload jsonb, traceparent text)
    ), added AS (
      INSERT INTO agreement (
        reference, client, id_hash, channel, contact, contact_hash, contact_key_id, country,
        document_id, document_version, document_sha256, locale, metadata, test,
        status, version, sequence, generation, requested_at, failures, created_at, expires_at
      )
      SELECT reference, 'bench', id_hash, 'sms', contact, contact_hash, 'bench', 'RU',
        document_id, document_version, document_sha256, 'ru', metadata, false,
        'pending', 1, 1, 1, created_at, 0, created_at, expires_at
      FROM given
    ), noted AS (
      INSERT INTO history (reference, at, kind, detail)
      SELECT reference, created_at, 'created', '{"generation": 1}' FROM given
    )
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at, traceparent)
    SELECT event_id, 'agreement', reference::text, 'clients.agreement.AgreementCreated.v1', payload, 'bench', false, 1,
      created_at, traceparent
    FROM given`,
};
