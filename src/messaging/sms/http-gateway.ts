import type { Config } from '../../config.js';
import {
  addressOf,
  judge,
  UnfitValue,
  type Values,
  writeRequest,
  type WrittenRequest,
} from '../../gateway-file/index.js';
import { bodyOf, failureOf } from './http-answer.js';
import type { SmsGateway, SmsMessage, SmsOutcome, SmsTime } from './sms-gateway.js';
import { TimelyPost } from './timely-post.js';

/** What of the configuration it needs. */
export interface HttpGatewaySettings {
  readonly sms: Pick<Config['sms'], 'http' | 'sender'>;
  readonly http: Pick<Config['http'], 'publicUrl'>;
}

/** Hands texts over HTTP to a gateway that a file describes (docs/gateway-file.md), or to one that speaks the contract's JSON. */
export class HttpGateway implements SmsGateway {
  readonly name = 'http';
  readonly deduplicates: boolean;
  readonly #settings: NonNullable<Config['sms']['http']>;
  readonly #provider: TimelyPost;
  readonly #path: string;

  constructor(private readonly config: HttpGatewaySettings) {
    if (!config.sms.http) throw new Error('the provider http is not configured');
    this.#settings = config.sms.http;
    const { origin, path } = addressOf(this.#settings.gateway.request, this.#settings.url);
    this.deduplicates = this.#settings.gateway.deduplicates;
    this.#provider = new TimelyPost(origin);
    this.#path = path;
  }

  async send(message: SmsMessage, time: SmsTime): Promise<SmsOutcome> {
    try {
      // A redirect is an answer like others: to follow it would carry a code and a phone number to an address that the
      // operator did not name.
      const response = await this.#provider.ask(this.#write(message), time);
      const { statusCode: status = 0, headers } = response;
      return judge(this.#settings.gateway, { status, headers, ...(await bodyOf(response)) }, Date.now());
    } catch (error) {
      return error instanceof UnfitValue ? { kind: 'refused', reason: 'unfit_value' } : failureOf(error, time.signal);
    }
  }

  #write({ id, to, text }: SmsMessage): WrittenRequest {
    const { gateway, token, user, webhookSecret } = this.#settings;
    const { publicUrl } = this.config.http;
    const digits = to.reveal().replace(/\D/g, '');
    const values: Values = {
      id,
      to: to.reveal(),
      to_digits: digits,
      to_number: digits,
      text: text.reveal(),
      sender: this.config.sms.sender ?? null,
      user: user ?? null,
      token: token?.reveal() ?? null,
      webhook_secret: webhookSecret?.reveal() ?? null,
      callback: publicUrl === undefined ? null : `${publicUrl.replace(/\/+$/, '')}/v1/delivery/${this.name}`,
    };
    return writeRequest(gateway.request, this.#path, values);
  }
}
