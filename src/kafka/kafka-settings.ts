/** Where Kafka is and how this service names itself there (the KAFKA_* rows of the configuration). */
export interface KafkaSettings {
  /** host:port of the brokers to ask first. */
  readonly brokers: string[];
  readonly topic: string;
  readonly dlqTopic: string;
  readonly groupId: string;
  readonly clientId: string;
  /** `ca`: PEM of the authority to trust instead of the system's. */
  readonly ssl: false | { readonly ca?: string };
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
}
