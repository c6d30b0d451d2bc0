/**
 * Values as lists of variables, read from the runner when they are asked for: properties and private fields, entries of
 * maps and sets, parts of long arrays, getters only when they are opened.
 */
import type { Json, JsonObject } from "../../protocol/messages.js";
import { asNumber, asObject } from "../../protocol/messages.js";
import { type RemoteObject, showRemote } from "../remoteObject.js";
import type { Inspector } from "./inspector.js";

/** What a variablesReference stands for. */
type Reference =
  | { kind: "object"; object: RemoteObject; scope?: { callFrameId: string; number: number } }
  | { kind: "part"; objectId: string; start: number; count: number }
  | { kind: "getter"; objectId: string; name: string };

interface Property {
  name: string;
  value?: RemoteObject;
  get?: RemoteObject;
}

/** Longer arrays, maps and sets are shown in parts of this length. */
const PART = 100;
/** What a cell's function has besides the cell's own names. */
const OWN_NAMES = new Set([
  "exports",
  "require",
  "__cell",
  "__filename",
  "__dirname",
  "arguments",
  "this",
  "__proto__",
]);
/** Functions that TypeScript puts into a cell for what Node cannot do itself, and its variable for each `using`. */
const HELPER = /^__(?:addDisposableResource|disposeResources|esDecorate|runInitializers|setFunctionName|propKey)$/;
const DISPOSAL = /^env_\d+$/;
const INDEX = /^\d+$/;

const LENGTH = "function () { return this.length ?? this.size; }";
/** Items by name; an object that is a key stands beside its value, as it has no name. */
const ITEMS = `function (start, count) {
  const items = Object.create(null);
  const isArray = !(this instanceof Map || this instanceof Set);
  if (isArray) {
    for (let at = start; at < Math.min(start + count, this.length); at++) if (at in this) items[at] = this[at];
    return items;
  }
  let at = 0;
  for (const item of this) {
    if (at >= start + count) break;
    if (at++ < start) continue;
    if (this instanceof Set) items[at - 1] = item;
    else if (Object(item[0]) === item[0]) items["entry " + (at - 1)] = { key: item[0], value: item[1] };
    else items[typeof item[0] === "string" ? JSON.stringify(item[0]) : String(item[0])] = item[1];
  }
  return items;
}`;
const ACCESSORS = `function () {
  const names = new Set();
  for (let from = Object.getPrototypeOf(this); from && from !== Object.prototype; from = Object.getPrototypeOf(from)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
      if (get && !name.startsWith("__") && !Object.hasOwn(this, name)) names.add(name);
    }
  }
  return [...names];
}`;
const SET = "function (name, value) { this[name] = value; return this[name]; }";

export class Variables {
  readonly #inspector: Inspector;
  #references: Reference[] = [];

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** Forgets what a stop has shown. */
  clear(): void {
    this.#references = [];
  }

  /** The number under which a front end asks for what is inside; 0 when there is nothing. */
  refer(object: RemoteObject, scope?: { callFrameId: string; number: number }): number {
    if (object.objectId === undefined || object.type === "function" || object.type === "symbol") return 0;
    return this.#references.push({ kind: "object", object, ...(scope && { scope }) });
  }

  describe(name: string, value: RemoteObject): JsonObject {
    const count = lengthOf(value);
    // JupyterLab shows a type in the place of the value, except for Python's names of simple types.
    const type = value.objectId === undefined ? undefined : (value.className ?? value.subtype ?? value.type);
    return {
      name,
      evaluateName: name,
      ...(type !== undefined && { type }),
      value: showRemote(value),
      variablesReference: this.refer(value),
      ...(count !== undefined && { indexedVariables: count }),
    };
  }

  async list({ variablesReference, start, count, filter }: JsonObject): Promise<JsonObject[]> {
    const reference = this.#find(variablesReference);
    if (reference.kind === "getter") {
      const value = await this.#call(reference.objectId, "function (name) { return this[name]; }", [reference.name]);
      return [this.describe(reference.name, value)];
    }
    if (reference.kind === "part") return await this.#items(reference.objectId, reference.start, reference.count);
    const { object, scope } = reference;
    const objectId = object.objectId as string;
    const length = await this.#length(object);
    if (length === undefined) return filter === "indexed" ? [] : await this.#named(object, scope === undefined);
    const named = filter === "indexed" || start !== undefined ? [] : await this.#named(object, !isArray(object));
    if (filter === "named") return named;
    const from = asNumber(start, 0);
    return [...(await this.#items(objectId, from, asNumber(count, 0) || length - from)), ...named];
  }

  /** Gives a variable of a scope or a property of an object a new value. */
  async set(variablesReference: Json | undefined, name: string, value: RemoteObject): Promise<JsonObject> {
    const reference = this.#find(variablesReference);
    if (reference.kind === "part") {
      return this.describe(
        name,
        await this.#callWith(reference.objectId, SET, [{ value: Number(name) }, argument(value)]),
      );
    }
    if (reference.kind === "getter")
      throw new Error(`"${name}" is computed by a getter, and has no place for a value.`);
    const { object, scope } = reference;
    if (scope !== undefined) {
      const { callFrameId, number: scopeNumber } = scope;
      const params = { callFrameId, scopeNumber, variableName: name, newValue: argument(value) };
      await this.#inspector.post("Debugger.setVariableValue", params);
      return this.describe(name, value);
    }
    return this.describe(
      name,
      await this.#callWith(object.objectId as string, SET, [{ value: name }, argument(value)]),
    );
  }

  #find(variablesReference: Json | undefined): Reference {
    const reference = this.#references[asNumber(variablesReference, 0) - 1];
    if (reference === undefined) throw new Error("The cell has gone on; its variables are no longer there.");
    return reference;
  }

  async #length(object: RemoteObject): Promise<number | undefined> {
    if (lengthOf(object) === undefined) return undefined;
    return asNumber((await this.#call(object.objectId as string, LENGTH, [])).value, 0);
  }

  /** Own properties that are no items, private fields, and getters of the class. */
  async #named(object: RemoteObject, withAccessors: boolean): Promise<JsonObject[]> {
    const objectId = object.objectId as string;
    const answer = await this.#inspector.post("Runtime.getProperties", { objectId, ownProperties: true });
    const own = [...asProperties(answer.result), ...asProperties(answer.privateProperties)];
    const disposes = own.some(({ name }) => name === "__disposeResources");
    const isHelper = (name: string) => OWN_NAMES.has(name) || HELPER.test(name) || (disposes && DISPOSAL.test(name));
    const variables = own
      .filter(({ name }) => !isHelper(name) && !(isArray(object) && (INDEX.test(name) || name === "length")))
      .flatMap(({ name, value, get }) => {
        if (value !== undefined) return [this.describe(name, value)];
        return get?.type === "function" && !name.startsWith("#") ? [this.#getter(objectId, name)] : [];
      });
    if (!withAccessors) return variables;
    const names = await this.#inspector.post("Runtime.callFunctionOn", {
      objectId,
      functionDeclaration: ACCESSORS,
      returnByValue: true,
    });
    const accessors = asObject(names.result).value;
    for (const name of Array.isArray(accessors) ? accessors : []) variables.push(this.#getter(objectId, String(name)));
    return variables;
  }

  #getter(objectId: string, name: string): JsonObject {
    const variablesReference = this.#references.push({ kind: "getter", objectId, name });
    const presentationHint = { kind: "property", attributes: ["hasSideEffects"], lazy: true };
    return { name, evaluateName: name, value: "(...)", variablesReference, presentationHint };
  }

  /** Items one by one, or as parts to open when they are many. */
  async #items(objectId: string, start: number, count: number): Promise<JsonObject[]> {
    let size = 1;
    while (count > size * PART) size *= PART;
    if (size > 1) return this.#parts(objectId, start, count, size);
    const items = await this.#call(objectId, ITEMS, [start, count]);
    const answer = await this.#inspector.post("Runtime.getProperties", {
      objectId: items.objectId as string,
      ownProperties: true,
    });
    return asProperties(answer.result).flatMap(({ name, value }) => (value ? [this.describe(name, value)] : []));
  }

  #parts(objectId: string, start: number, count: number, size: number): JsonObject[] {
    const parts: JsonObject[] = [];
    for (let from = start; from < start + count; from += size) {
      const length = Math.min(size, start + count - from);
      const variablesReference = this.#references.push({ kind: "part", objectId, start: from, count: length });
      parts.push({ name: `[${from}..${from + length - 1}]`, value: `${length} items`, variablesReference });
    }
    return parts;
  }

  #call(objectId: string, functionDeclaration: string, values: Json[]): Promise<RemoteObject> {
    return this.#callWith(
      objectId,
      functionDeclaration,
      values.map((value) => ({ value })),
    );
  }

  async #callWith(objectId: string, functionDeclaration: string, given: JsonObject[]): Promise<RemoteObject> {
    const params = { objectId, functionDeclaration, arguments: given };
    const { result, exceptionDetails } = await this.#inspector.post("Runtime.callFunctionOn", params);
    const value = result as unknown as RemoteObject;
    if (exceptionDetails !== undefined) throw new Error(showRemote(value).split("\n")[0]);
    return value;
  }
}

function asProperties(value: Json | undefined): Property[] {
  return (value ?? []) as unknown as Property[];
}

function isArray({ subtype }: RemoteObject): boolean {
  return subtype === "array" || subtype === "typedarray";
}

/** From "Array(3)", "Float32Array(8)", "Map(2)"; undefined for what has no items. */
function lengthOf(object: RemoteObject): number | undefined {
  const { subtype, description = "" } = object;
  if (!isArray(object) && subtype !== "map" && subtype !== "set") return undefined;
  const length = /\((\d+)\)$/.exec(description)?.[1];
  return length === undefined ? 0 : Number(length);
}

function argument({ objectId, unserializableValue, value }: RemoteObject): JsonObject {
  if (objectId !== undefined) return { objectId };
  if (unserializableValue !== undefined) return { unserializableValue };
  return value === undefined ? {} : { value };
}
