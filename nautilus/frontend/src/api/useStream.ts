import { useEffect, useEffectEvent, useState } from "react";

import { type Listener, type StreamState, TopicStream } from "./stream";

/** Listen to topics while the component is shown; tells how the connection is. */
export function useStream(
  topics: readonly string[],
  handlers: Pick<Listener, "onMessage" | "onStart">,
): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const onMessage = useEffectEvent(handlers.onMessage);
  const onStart = useEffectEvent(handlers.onStart);
  const asked = topics.join(",");

  useEffect(() => {
    const stream = new TopicStream(asked.split(","), {
      onMessage: (topic, data, id) => onMessage(topic, data, id),
      onStart: (starts) => onStart(starts),
      onState: setState,
    });
    return () => stream.close();
  }, [asked]);

  return state;
}
