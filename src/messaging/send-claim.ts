import { Inject, Injectable } from '@nestjs/common';
import { type AgreementFacts, secretContact } from '../agreement/index.js';
import { CONFIG, type Config } from '../config.js';
import { Database, type Query } from '../database/index.js';
import { failpoint } from '../failpoint.js';
import { type DueSend, type LimitName, SendLimits } from '../limits/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { companionsOf, othersThan, routeOf, type Try, type Turn, turnOf, wasCalled } from './provider-chain.js';
import { type Place, ProviderLanes } from './provider-lanes.js';
import { ADOPT, ASSIGN, CLAIM, DUE, FIRST_DUE, NEXT_DUE } from './send.sql.js';
import type { ClaimedSend } from './send-record.js';

/** The lease is longer than a try can take, so that two senders never work on one. */
const LEASE_MARGIN = 15_000;
/** Of one provider at one time: as many as the statements after it take together. */
const BATCH = 200;
/** Milliseconds. A lane in which nothing could be claimed is not looked at again before. */
const LOOK_AGAIN = 100;
/** In seconds. What waits for a busy provider in trouble looks again after it, and lets those behind it look meanwhile. */
const ASIDE = 1;
const ADOPT_EVERY = 5_000;
const ADOPTED_AT_ONCE = 1_000;
/** As the statements name the provider of what is nobody's turn yet. */
const NOBODY = '';

/** A send that is due, as the statement gives it. */
interface DueRow extends Omit<DueSend, 'contact'> {
  readonly channel: AgreementFacts['contact']['channel'];
  readonly contact: string | null;
  readonly test: boolean;
  readonly wanted: boolean;
  readonly taken: boolean;
  readonly noted: string | null;
  readonly code_ends: Date | null;
  readonly tries: readonly Try[];
}

type Claim = Pick<ClaimedSend, 'route' | 'tries' | 'turn' | 'codeEnds' | 'limit'> & {
  readonly place: Place | undefined;
};

/** A send in hand; `place` is to be left when it no longer is. */
export interface SendInHand {
  readonly send: ClaimedSend;
  readonly place: Place | undefined;
}

/** Takes what is due, of each provider as much as it has room for, and finds out whose turn it is. */
@Injectable()
export class SendClaim {
  #adoptedAt = -Infinity;
  /** Until when a lane is not looked at, by `performance.now()`. */
  readonly #passedOver = new Map<string, number>();
  readonly #companions: ReadonlyMap<string, readonly string[]>;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly database: Database,
    private readonly limits: SendLimits,
    private readonly lanes: ProviderLanes,
  ) {
    this.#companions = new Map(lanes.names.map((provider) => [provider, companionsOf(provider, config)]));
  }

  /**
   * Claims what is due and fits; those too that a limit stands against, so that they are closed like any other.
   * @param onFreed called when a provider that had no room has some again
   */
  async take(onFreed: () => void): Promise<SendInHand[]> {
    const places: Place[] = [];
    const enter = (provider: string): Place | undefined => {
      const place = this.lanes.take(provider, onFreed);
      if (place) places.push(place);
      return place;
    };
    try {
      await this.#adopt();
      const rooms = this.#rooms();
      if (rooms.length === 0) return [];
      return await this.database.transaction(async (query) => {
        const names = rooms.map(({ provider }) => provider);
        const due = await query<DueRow>(DUE, [names, rooms.map(({ room }) => room)]);
        return due.length === 0 ? [] : this.#claim(query, due, enter);
      });
    } catch (error) {
      for (const place of places) place.leave();
      throw error;
    }
  }

  /** Milliseconds until more may be taken: 0 where that is now, undefined where nobody knows. */
  async nextDue(): Promise<number | undefined> {
    const [next] = await this.database.query<{ wait: number | null }>(NEXT_DUE, [
      this.#rooms().map(({ provider }) => provider),
    ]);
    const again = [...this.#passedOver.values()].map((until) => until - performance.now());
    const waits = [next?.wait ?? Infinity, ...again.map(Math.ceil)];
    const wait = Math.min(...waits);
    return wait === Infinity ? undefined : Math.max(0, wait);
  }

  /**
   * Milliseconds until anything is due, also of a provider that is unknown here, which a claim would adopt; undefined where
   * nothing waits. Asked in place of a claim by who has no reason to think that there is something.
   */
  async firstDue(): Promise<number | undefined> {
    const [first] = await this.database.query<{ wait: number }>(FIRST_DUE, []);
    return first && Math.max(0, first.wait);
  }

  /** Only those that nobody knows wait for it; it must not hold up the others. */
  async #adopt(): Promise<void> {
    if (performance.now() - this.#adoptedAt < ADOPT_EVERY) return;
    this.#adoptedAt = performance.now();
    try {
      const adopted = await this.database.query(ADOPT, [this.lanes.names, ADOPTED_AT_ONCE]);
      if (adopted.length === ADOPTED_AT_ONCE) this.#adoptedAt = -Infinity;
    } catch (error) {
      this.logger.warn({ reason: String(error) }, 'sends of providers that are gone are not handed on; they wait');
    }
  }

  /** How much may be claimed of each provider now. */
  #rooms(): { provider: string; room: number }[] {
    const now = performance.now();
    for (const [provider, until] of this.#passedOver) if (until <= now) this.#passedOver.delete(provider);
    const rooms = this.lanes.names.map((provider) => ({ provider, room: this.#roomOf(provider) }));
    const some = Math.max(...rooms.map(({ room }) => room));
    const all = [...rooms, { provider: NOBODY, room: some }];
    return all.filter(({ provider, room }) => room > 0 && !this.#passedOver.has(provider));
  }

  /** What waits for one in trouble goes elsewhere, as far as there is room; where nobody else is well, it is asked itself. */
  #roomOf(provider: string): number {
    if (!this.lanes.isAvoided(provider)) return Math.min(BATCH, this.lanes.free(provider));
    const others = (this.#companions.get(provider) ?? []).filter((other) => !this.lanes.isAvoided(other));
    const free = others.map((other) => this.lanes.free(other));
    const room = others.length === 0 ? this.lanes.free(provider) : free.reduce((sum, places) => sum + places, 0);
    return Math.min(BATCH, room);
  }

  async #claim(
    query: Query,
    due: readonly DueRow[],
    enter: (provider: string) => Place | undefined,
  ): Promise<SendInHand[]> {
    const claims = new Map<DueRow, Omit<Claim, 'limit'>>();
    const aside = new Map<DueRow, string>();
    for (const row of due) {
      const route = routeOf(row, this.config);
      const { turn, waits } = this.#turn(row, route);
      const claim = { route, tries: row.tries, turn, codeEnds: row.code_ends };
      if (turn.kind === 'end') claims.set(row, { ...claim, place: undefined });
      else if (waits) aside.set(row, turn.provider);
      else claims.set(row, { ...claim, place: enter(turn.provider) });
    }
    await this.#assign(query, aside);
    this.#passOver(due, aside);
    return claims.size === 0 ? [] : this.#lease(query, claims);
  }

  /**
   * Whose turn it is, and whether it waits for a place. What may go to anybody goes past a provider in trouble to the next one
   * with a place; and what was handed on before anybody had it comes back to the first one that is well again.
   */
  #turn({ tries, noted }: DueRow, route: readonly string[]): { turn: Turn; waits: boolean } {
    const chain = { route, tries, deduplicates: (name: string) => this.lanes.gateway(name)?.deduplicates };
    const turn = turnOf(chain, noted);
    if (turn.kind === 'end') return { turn, waits: false };
    const isFull = (provider: string): boolean => this.lanes.free(provider) <= 0;
    const { provider } = turn;
    if (turn.pinned) return { turn, waits: isFull(provider) };
    const well = othersThan(provider, chain).filter((other) => !this.lanes.isAvoided(other));
    if (this.lanes.isAvoided(provider)) {
      const other = well.find((name) => !isFull(name));
      return other === undefined
        ? { turn, waits: well.length > 0 || isFull(provider) }
        : { turn: { ...turn, provider: other }, waits: false };
    }
    const isNew = !route.some((name) => wasCalled(name, tries));
    const first = route.find((name) => name === provider || well.includes(name)) ?? provider;
    const better = isNew && !isFull(first) ? first : provider;
    return { turn: { ...turn, provider: better }, waits: isFull(better) };
  }

  /** What waits for a busy provider waits where it is, without a word; what waits for one in trouble lets others look. */
  async #assign(query: Query, aside: ReadonlyMap<DueRow, string>): Promise<void> {
    const changed = [...aside].filter(([{ noted }, to]) => noted !== to || this.lanes.isAvoided(to));
    if (changed.length === 0) return;
    await query(ASSIGN, [
      changed.map(([{ reference }]) => reference),
      changed.map(([{ generation }]) => generation),
      changed.map(([, to]) => to),
      changed.map(([{ noted }, to]) => (noted === to ? ASIDE : 0)),
    ]);
  }

  /** Where all that was looked at for one in trouble must wait for it, there is no use in looking on at once. */
  #passOver(due: readonly DueRow[], aside: ReadonlyMap<DueRow, string>): void {
    const moving = new Set(due.filter((row) => aside.get(row) !== row.noted).map(({ noted }) => noted));
    for (const noted of new Set(due.map((row) => row.noted))) {
      if (noted === null || moving.has(noted) || !this.lanes.isAvoided(noted)) continue;
      this.#passedOver.set(noted, performance.now() + LOOK_AGAIN);
    }
  }

  async #lease(query: Query, claims: ReadonlyMap<DueRow, Omit<Claim, 'limit'>>): Promise<SendInHand[]> {
    const limits = await this.#limit(query, [...claims.keys()]);
    const rows = [...claims];
    const lease = (this.config.sms.timeout + LEASE_MARGIN) / 1000;
    const claimed = await query<Omit<ClaimedSend, keyof Claim>>(CLAIM, [
      rows.map(([{ reference }]) => reference),
      lease,
      rows.map(([{ noted }, { turn }]) => (turn.kind === 'call' ? turn.provider : noted)),
      rows.map(([{ generation }]) => generation),
    ]);
    failpoint('sender.taken');
    const byName = new Map(rows.map(([row, claim]) => [nameOf(row), claim]));
    return claimed.flatMap((send) => {
      const claim = byName.get(nameOf(send));
      if (!claim) return [];
      const { place, ...rest } = claim;
      return [{ send: { ...send, ...rest, limit: limits.get(nameOf(send)) ?? null }, place }];
    });
  }

  /** What stands against each, by name. A failover takes nothing again, and a test counts for nothing. */
  async #limit(query: Query, rows: readonly DueRow[]): Promise<ReadonlyMap<string, LimitName>> {
    const waiting = rows.filter(({ taken }) => !taken).map(asDue);
    const refused = await this.limits.take(
      query,
      waiting.filter(({ wanted, test }) => wanted && !test),
    );
    await this.limits.giveUp(
      query,
      waiting.filter(({ wanted }) => !wanted),
    );
    return new Map([...refused].map(([send, limit]) => [nameOf(send), limit]));
  }
}

function asDue(row: DueRow): DueSend & Pick<DueRow, 'wanted' | 'test'> {
  return { ...row, contact: row.contact === null ? null : secretContact(row.channel, row.contact) };
}

function nameOf({ reference, generation }: Pick<DueSend, 'reference' | 'generation'>): string {
  return `${reference}/${generation}`;
}
