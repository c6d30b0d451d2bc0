/** Declarations of WebAssembly, which Node has and its types leave to the browser's; named and merged as there. */
export const WEB_ASSEMBLY_DECLARATION = `
declare namespace WebAssembly {
  type ImportExportKind = "function" | "global" | "memory" | "table";
  type ValueType = "anyfunc" | "externref" | "f32" | "f64" | "i32" | "i64" | "v128";
  type Bytes = ArrayBufferView | ArrayBuffer;
  type ExportValue = Function | Global | Memory | Table;
  type ImportValue = ExportValue | number;
  type Exports = Record<string, ExportValue>;
  type Imports = Record<string, Record<string, ImportValue>>;
  interface Module {}
  interface Instance {
    readonly exports: Exports;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    /** Adds pages of 64 KiB, and gives the number that there were. */
    grow(pages: number): number;
  }
  interface Table {
    readonly length: number;
    get(index: number): any;
    set(index: number, value?: any): void;
    grow(entries: number, value?: any): number;
  }
  interface Global {
    value: any;
    valueOf(): any;
  }
  interface ModuleExportDescriptor {
    kind: ImportExportKind;
    name: string;
  }
  interface ModuleImportDescriptor extends ModuleExportDescriptor {
    module: string;
  }
  interface WebAssemblyInstantiatedSource {
    module: Module;
    instance: Instance;
  }
  var Module: {
    new (bytes: Bytes): Module;
    customSections(module: Module, name: string): ArrayBuffer[];
    exports(module: Module): ModuleExportDescriptor[];
    imports(module: Module): ModuleImportDescriptor[];
  };
  var Instance: { new (module: Module, imports?: Imports): Instance };
  var Memory: { new (descriptor: { initial: number; maximum?: number; shared?: boolean }): Memory };
  var Table: { new (descriptor: { element: "anyfunc" | "externref"; initial: number; maximum?: number }, value?: any): Table };
  var Global: { new (descriptor: { value: ValueType; mutable?: boolean }, value?: any): Global };
  var CompileError: ErrorConstructor;
  var LinkError: ErrorConstructor;
  var RuntimeError: ErrorConstructor;
  function compile(bytes: Bytes): Promise<Module>;
  function validate(bytes: Bytes): boolean;
  function instantiate(bytes: Bytes, imports?: Imports): Promise<WebAssemblyInstantiatedSource>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
}
`;
