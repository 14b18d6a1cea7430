/**
 * Makes sure that a call is read message by message, when whoever serves it asks for the next one: its
 * stream would read sixteen of them ahead, and its caller goes on until then.
 */
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';

/** The reads of a call, by what the call and what is around it have in common. */
const reads = new WeakMap<Metadata, HeldReads>();

/** Lets the next message in, and no other one, when it is called. */
export function readNext(of: { readonly metadata: Metadata }): void {
  reads.get(of.metadata)?.next();
}

/** Makes reads wait for `readNext`, but the first one; of calls on this path alone. */
export function oneReadAtATime(path: string): ServerInterceptor {
  return (method, call) => {
    if (method.path !== path) return new ServerInterceptingCall(call);
    const held: HeldReads = new HeldReads(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            reads.set(metadata, held);
            pass(metadata);
          },
        });
      },
    });
    return held;
  };
}

class HeldReads extends ServerInterceptingCall {
  #isAllowed = true;
  #isAsked = false;

  override startRead(): void {
    this.#isAsked = true;
    this.#read();
  }

  next(): void {
    this.#isAllowed = true;
    this.#read();
  }

  #read(): void {
    if (!this.#isAsked || !this.#isAllowed) return;
    [this.#isAsked, this.#isAllowed] = [false, false];
    super.startRead();
  }
}
