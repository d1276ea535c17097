import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type StreamState, TopicStream } from "./stream";

/** A double of the browser's WebSocket, whose other end the test holds. */
class Socket extends EventTarget {
  static readonly all: Socket[] = [];
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readyState = Socket.CONNECTING;
  binaryType = "blob";

  constructor(readonly url: string) {
    super();
    Socket.all.push(this);
  }

  open(): void {
    this.readyState = Socket.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  say(message: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  cut(code = 1006): void {
    this.readyState = Socket.CLOSED;
    this.dispatchEvent(new CloseEvent("close", { code }));
  }

  close(): void {
    this.cut(1000);
  }

  get since(): string | null {
    return new URL(this.url).searchParams.get("since");
  }
}

let heard: unknown[];
let starts: string[][];
let states: StreamState[];

function listen(topics: string[]): TopicStream {
  return new TopicStream(topics, {
    onMessage: (topic, data, id) => heard.push([topic, data, id]),
    onStart: (names) => starts.push(names),
    onState: (state) => states.push(state),
  });
}

async function socket(count: number): Promise<Socket> {
  await vi.waitFor(() => expect(Socket.all.length).toBe(count), { timeout: 15_000 });
  const last = Socket.all[count - 1] as Socket;
  last.open();
  return last;
}

beforeEach(() => {
  [heard, starts, states] = [[], [], []];
  Socket.all.length = 0;
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 100 });
  vi.stubGlobal("WebSocket", Socket);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a stream of topics", () => {
  it("goes on after a cut where it was", async () => {
    const stream = listen(["ticks", "bars"]);
    const first = await socket(1);
    expect(first.url).toContain("/ws/stream?topics=ticks%2Cbars");
    expect(first.since).toBe("");
    const begins = { ticks: { id: "5-0", gap: false }, bars: { id: "0-0", gap: false } };
    first.say({ subscribed: begins });
    first.say({ topic: "ticks", id: "6-0", data: { ticks: [] } });
    expect(heard).toEqual([["ticks", { ticks: [] }, "6-0"]]);
    expect(starts).toEqual([["ticks", "bars"]]);
    first.cut();

    const second = await socket(2);
    expect(second.since).toBe("ticks:6-0,bars:0-0");
    second.say({ subscribed: { ...begins, ticks: { id: "6-0", gap: false } } });
    expect(starts).toHaveLength(1);
    expect(states).toEqual(["connecting", "live", "connecting", "live"]);
    stream.close();
  });

  it("tells when messages are lost for good", async () => {
    const stream = listen(["breaches"]);
    const first = await socket(1);
    first.say({ subscribed: { breaches: { id: "1-0", gap: false } } });
    first.cut();
    const second = await socket(2);
    second.say({ subscribed: { breaches: { id: "1-0", gap: true } } });
    expect(starts).toEqual([["breaches"], ["breaches"]]);
    stream.close();
  });

  it("asks no second time what was refused", async () => {
    listen(["nonsense"]);
    (await socket(1)).cut(1008);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(Socket.all).toHaveLength(1);
    expect(states.at(-1)).toBe("refused");
  });

  it("is silent once it is closed", async () => {
    const stream = listen(["ticks"]);
    (await socket(1)).say({ subscribed: { ticks: { id: "1-0", gap: false } } });
    stream.close();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(Socket.all).toHaveLength(1);
    expect(states.at(-1)).toBe("live");
  });
});
