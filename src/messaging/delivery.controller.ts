import { Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiNoContentResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config.js';
import { ApiProblems, Problem } from '../http/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { RECEIPT_READERS, receiptUrl } from './receipt-readers.js';
import { Receipts } from './receipts.js';
import type { Receipt, ReceiptReader } from './sms/sms-gateway.js';

/** In milliseconds. Whoever floods us with forgeries does not fill the log with them. */
const SAY_AGAIN_AFTER = 60_000;
/** Leaves connections of the database to others. */
const AT_A_TIME = 5;
const ANYTHING = { schema: { type: 'object', additionalProperties: true } } as const;

/** Where providers say what became of the texts that they took. */
@ApiTags('delivery')
@Controller('v1/delivery')
export class DeliveryController {
  readonly #said = new Map<string, number>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(RECEIPT_READERS) private readonly readers: ReadonlyMap<string, ReceiptReader>,
    private readonly receipts: Receipts,
  ) {}

  @Post(':provider')
  @HttpCode(204)
  @ApiOperation({
    operationId: 'takeReceipt',
    summary: 'What a provider says of a text that it took',
    description:
      'Called by providers, which sign what they send; there is no API key. Repeats change nothing, and a receipt of a text ' +
      'that is not known yet is kept for 72 hours.',
  })
  @ApiParam({ name: 'provider', description: 'The name of the provider.', example: 'twilio' })
  @ApiConsumes('application/json', 'application/x-www-form-urlencoded')
  @ApiBody({ ...ANYTHING, required: false, description: 'As the provider writes it.' })
  @ApiNoContentResponse({ description: 'Taken.' })
  @ApiProblems('malformed_request', 'unauthorized', 'not_found', 'forbidden', 'unavailable', 'internal_error')
  async take(@Param('provider') provider: string, @Req() request: FastifyRequest): Promise<void> {
    const reader = this.readers.get(provider);
    if (!reader) throw new Problem('not_found');
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const url = receiptUrl(this.config.http.publicUrl, request.originalUrl);
    const read = reader.read({ headers: request.headers, body, url });
    if (read === 'forged') throw this.#refused(provider, read, new Problem('unauthorized', { reason: 'signature' }));
    if (read === 'malformed')
      throw this.#refused(provider, read, new Problem('malformed_request', { reason: 'receipt' }));
    await this.#takeAll(read);
  }

  /** Several side by side: a body holds some thousands, and its sender is answered within two seconds. @throws the first error */
  async #takeAll(all: readonly Receipt[]): Promise<void> {
    const left = all.values();
    const takeInTurn = async (): Promise<void> => {
      for (const receipt of left) await this.receipts.take(receipt);
    };
    const working = Array.from({ length: AT_A_TIME }, takeInTurn);
    await Promise.allSettled(working);
    await Promise.all(working);
  }

  #refused(provider: string, what: string, problem: Problem): Problem {
    const now = performance.now();
    if (now - (this.#said.get(provider + what) ?? -Infinity) > SAY_AGAIN_AFTER) {
      this.#said.set(provider + what, now);
      this.logger.warn({ provider, what }, 'a receipt was refused; further ones of this minute are not reported');
    }
    return problem;
  }
}
