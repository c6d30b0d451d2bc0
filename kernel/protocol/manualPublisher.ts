/** A publisher whose subscriptions come into force when we say so, so that a subscriber's first message is its welcome. */
import { type SocketOptions, XPublisher } from "zeromq";

/** zmq.h's numbers of the options that zeromq.js keeps for subscribers. */
const ZMQ_SUBSCRIBE = 6;
const ZMQ_UNSUBSCRIBE = 7;

export class ManualPublisher extends XPublisher {
  constructor(options: SocketOptions<XPublisher>) {
    super(options);
    this.manual = true;
  }

  /** Sends what begins with `topic` to the peer whose message was received last. */
  subscribe(topic: Buffer): void {
    this.setStringOption(ZMQ_SUBSCRIBE, topic);
  }

  /** No longer sends it to the peer whose message was received last. */
  unsubscribe(topic: Buffer): void {
    this.setStringOption(ZMQ_UNSUBSCRIBE, topic);
  }
}
