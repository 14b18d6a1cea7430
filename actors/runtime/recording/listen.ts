/** Makes sure that an actor that runs can be told to record, and for how long. */
import {
  address,
  contentType,
  debugSwitch,
  decode,
  encode,
  refusal,
} from '../../../subjects/index.ts';
import type { Host } from '../host.ts';
import { type Close, type Ports, TYPE_HEADER } from '../ports.ts';

/** Largest answer, in bytes: a copy's name, an id and a sentence. */
const ANSWER_BYTES_MAX = 2_048;

/** Takes orders to record for one copy of an actor, until closed. Every copy answers each. */
export function listenForRecording<S, V>(ports: Ports, host: Host<S, V>): Close {
  const shape = { name: 'reply', codec: debugSwitch.codec, bytesMax: ANSWER_BYTES_MAX };
  const headers = { [TYPE_HEADER]: contentType[debugSwitch.codec] };
  const subject = address(debugSwitch, { actor: host.actor.name });
  return ports.bus.subscribe(subject, undefined, (incoming) => {
    const asked = decode(debugSwitch, incoming.body);
    if (!asked.ok) {
      host.counters.malformed++;
      const because = refusal('request-malformed', `${debugSwitch.name}: ${asked.reason}`);
      incoming.reply?.(encode(shape, { ok: false, refusal: because }), headers);
      return;
    }
    const { forMs } = asked.value;
    if (forMs === 0) host.recorder.stop();
    const recording = forMs === 0 ? undefined : host.recorder.start(forMs);
    const { copy, isActing } = host;
    incoming.reply?.(encode(shape, { ok: true, value: { copy, isActing, recording } }), headers);
  });
}
