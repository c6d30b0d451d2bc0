/** prompt, confirm and password, whoever hands the question on. */

export interface Questions {
  /** Asks for a line of text; null when the person gives none. */
  prompt(message?: string, defaultValue?: string): string | null;
  /** Asks a yes/no question. */
  confirm(message?: string): boolean;
  /** Asks for a line of text that is not shown while it is typed. */
  password(message?: string): string;
}

/** @param ask shows a message and waits for a line, which is not to be shown when `hidden` */
export function questions(ask: (message: string, hidden: boolean) => string): Questions {
  return {
    prompt(message = "", defaultValue) {
      const answer = ask(message === "" ? "" : `${message} `, false);
      return answer === "" ? (defaultValue ?? null) : answer;
    },
    confirm(message = "Continue?") {
      return /^y(es)?$/i.test(ask(`${message} [y/N] `, false).trim());
    },
    password(message = "Password:") {
      return ask(`${message} `, true);
    },
  };
}
