import type { Stored, StoredSend } from './invariants.js';
import type { IdentifiedText, Text } from './provider.js';

/**
 * Gives each text the id of its send. SMPP has no room for it: there each new text to a number must be of the next
 * generation, because a code is never sent again after a newer one.
 */
export function identified(
  texts: readonly Text[],
  agreements: readonly Stored[],
  sends: readonly StoredSend[],
): IdentifiedText[] {
  const reference = new Map(agreements.map((row) => [row.contact, row.reference]));
  const tried = Map.groupBy(
    sends.filter((send) => send.try > 0).sort((one, other) => one.generation - other.generation),
    (send) => send.reference,
  );
  const contents = Map.groupBy(texts, ({ to }) => to);
  const idOf = ({ to, text }: Text): string => {
    const all = contents.get(to) ?? [];
    const named = all.find((other) => other.text === text && other.id !== null)?.id;
    const number = [...new Set(all.map((other) => other.text))].indexOf(text);
    return named ?? tried.get(reference.get(to) ?? '')?.[number]?.id ?? `of ${to}, ${number + 1}`;
  };
  return texts.map((text) => ({ ...text, id: text.id ?? idOf(text) }));
}
