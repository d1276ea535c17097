import ReconnectingWebSocket from "partysocket/ws";
import * as v from "valibot";

/** A position in a topic, as the websocket engine numbers its messages. */
export type Position = string;

const Greeting = v.object({
  subscribed: v.record(v.string(), v.object({ id: v.string(), gap: v.boolean() })),
});

const Message = v.object({ topic: v.string(), id: v.string(), data: v.unknown() });

export type StreamState = "connecting" | "live" | "refused";

export interface Listener {
  /** A message of a topic, each once and in order. */
  onMessage(topic: string, data: unknown, id: Position): void;
  /** These topics start anew: what was before must be asked elsewhere. */
  onStart(topics: string[]): void;
  onState(state: StreamState): void;
}

const POLICY_VIOLATION = 1008;

/** Topics of the websocket engine. After a cut it goes on where it was, from the last id seen. */
export class TopicStream {
  readonly #seen = new Map<string, Position>();
  readonly #socket: ReconnectingWebSocket;
  #fresh: Set<string>;
  #over = false;

  constructor(
    readonly topics: string[],
    readonly listener: Listener,
  ) {
    this.#fresh = new Set(topics);
    this.#socket = new ReconnectingWebSocket(() => this.#address(), [], {
      minReconnectionDelay: 500,
      maxReconnectionDelay: 10_000,
    });
    this.#socket.addEventListener("message", (event) => this.#read(String(event.data)));
    this.#socket.addEventListener("close", (event) => this.#closed(event.code));
    listener.onState("connecting");
  }

  close(): void {
    this.#over = true;
    this.#socket.close();
  }

  #address(): string {
    const since = [...this.#seen].map(([topic, id]) => `${topic}:${id}`).join(",");
    const query = new URLSearchParams({ topics: this.topics.join(","), since });
    const { protocol, host } = window.location;
    return `${protocol === "https:" ? "wss" : "ws"}://${host}/ws/stream?${query}`;
  }

  #read(text: string): void {
    const said: unknown = JSON.parse(text);
    const greeting = v.safeParse(Greeting, said);
    if (greeting.success) {
      this.#greeted(greeting.output.subscribed);
      return;
    }
    const { topic, id, data } = v.parse(Message, said);
    this.#seen.set(topic, id);
    this.listener.onMessage(topic, data, id);
  }

  #greeted(subscribed: v.InferOutput<typeof Greeting>["subscribed"]): void {
    const starts = Object.keys(subscribed).filter(
      (topic) => this.#fresh.has(topic) || subscribed[topic]?.gap,
    );
    for (const [topic, { id }] of Object.entries(subscribed)) {
      this.#seen.set(topic, id);
    }
    this.#fresh = new Set();
    this.listener.onState("live");
    if (starts.length > 0) {
      this.listener.onStart(starts);
    }
  }

  #closed(code: number): void {
    if (this.#over) {
      return;
    }
    if (code === POLICY_VIOLATION) {
      // The same question would be refused again.
      this.close();
    }
    this.listener.onState(this.#over ? "refused" : "connecting");
  }
}
