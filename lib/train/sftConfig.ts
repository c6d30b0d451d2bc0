/** SFTConfig: TRL's newer name for TrainingArguments that say of the texts as well what SFTTrainer does with them. */
import { checkOptions, fail } from "../errors.js";
import { TrainingArguments } from "./trainingArguments.js";
import { DEFAULTS, ELSEWHERE as OF_ARGUMENTS, type TrainingOptions } from "./trainingOptions.js";

/** What becomes of the texts. */
export interface TextOptions {
  /** Column with the text, EOS included: the trainer adds nothing to it. Default "text". */
  datasetTextField?: string;
  /**
   * Longest text in tokens; longer ones are cut at the end, which is said once with their number.
   * Default: the model's own maxSeqLength, or what its config allows.
   */
  maxSeqLength?: number;
  /** Fills rows of `maxSeqLength` with whole short texts, which then count as one example. Default false. */
  packing?: boolean;
  /** Accepted for the sake of calls written for TRL: texts are tokenised in this process, whatever the number. */
  datasetNumProc?: number | null;
}

export interface SFTConfigOptions extends TrainingOptions, TextOptions {
  /** The same as `maxSeqLength`, by TRL's newer name. */
  maxLength?: number;
}

const TEXT_OPTIONS = ["datasetTextField", "maxSeqLength", "packing", "datasetNumProc"] as const;
const OPTIONS = [...Object.keys(DEFAULTS), ...TEXT_OPTIONS, "maxLength"];

/** What to do instead of options that there are not. */
export const ELSEWHERE: typeof OF_ARGUMENTS = OF_ARGUMENTS;

/**
 * How to train, and on what of the texts. An option of the texts that SFTTrainer is given as well must be the same there.
 *
 * @example
 * new SFTTrainer({ model: peft, tokenizer, trainDataset: dataset, args: new SFTConfig({ datasetTextField: "text",
 *   maxLength: 2048, packing: false, maxSteps: 60, learningRate: 2e-4 }) });
 * @throws TunelabError as TrainingArguments do
 */
export class SFTConfig extends TrainingArguments {
  declare readonly datasetTextField?: string;
  declare readonly maxSeqLength?: number;
  declare readonly packing?: boolean;
  declare readonly datasetNumProc?: number | null;

  constructor(options: SFTConfigOptions = {}) {
    checkOptions("SFTConfig", options, OPTIONS, ELSEWHERE);
    super(Object.fromEntries(Object.entries(options).filter(([name]) => name in DEFAULTS)));
    const { maxLength, maxSeqLength = maxLength } = options;
    if (maxLength !== undefined && maxLength !== maxSeqLength) {
      fail(`maxLength is ${maxLength} and maxSeqLength ${maxSeqLength}, but they are two names of the same option.`);
    }
    Object.assign(this, textsOf({ ...options, ...(maxSeqLength !== undefined && { maxSeqLength }) }));
  }
}

/** Those options of the texts that have a value. */
export function textsOf(options: TextOptions): TextOptions {
  const given = TEXT_OPTIONS.map((name) => [name, options[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
