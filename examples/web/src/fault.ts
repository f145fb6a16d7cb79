// What can go wrong between the page and the line, in words for the visitor.

export type FaultKind = "token" | "limit" | "server" | "request" | "network" | "cut";

const TITLES: Record<FaultKind, string> = {
  token: "A new token is needed",
  limit: "Too many questions at the moment",
  server: "The line cannot answer now",
  request: "The question was not taken",
  network: "The line cannot be reached",
  cut: "The answer broke off",
};

export class Fault extends Error {
  constructor(
    readonly kind: FaultKind,
    message: string,
    /// Unix milliseconds before which asking again is no use.
    readonly notBefore = 0,
  ) {
    super(message);
  }

  get title() {
    return TITLES[this.kind];
  }

  static of(cause: unknown): Fault {
    if (cause instanceof Fault) return cause;
    return new Fault("network", "Check the connection, then try again.");
  }

  /// Of an answer that is none: its status, its message, and when to come back.
  static async ofAnswer(answer: Response): Promise<Fault> {
    const body = await answer.json().catch(() => null);
    const message: string = body?.error?.message ?? `The line answered with status ${answer.status}.`;
    const seconds = Number(answer.headers.get("retry-after")) || 0;
    return new Fault(kindOf(answer.status), message, seconds && Date.now() + seconds * 1000);
  }
}

function kindOf(status: number): FaultKind {
  if (status === 401) return "token";
  if (status === 429) return "limit";
  return status >= 500 ? "server" : "request";
}
