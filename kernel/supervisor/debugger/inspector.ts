/** Commands to the inspector of the runner, and what it answers. */
import type { JsonObject } from "../../protocol/messages.js";
import type { InspectorCommand, InspectorMessage } from "../../runner/messages.js";

export class Inspector {
  readonly #send: (command: InspectorCommand) => void;
  readonly #waiting = new Map<number, { resolve(result: JsonObject): void; reject(error: Error): void }>();
  #ids = 0;

  constructor(send: (command: InspectorCommand) => void) {
    this.#send = send;
  }

  post(method: string, params: JsonObject = {}): Promise<JsonObject> {
    const id = ++this.#ids;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  answer({ id, error, result }: InspectorMessage & { id: number }): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error !== undefined) waiting?.reject(new Error(error));
    else waiting?.resolve(result ?? {});
  }

  /** The runner is gone. */
  lost(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error("The process that runs the cells has ended."));
    this.#waiting.clear();
  }
}
