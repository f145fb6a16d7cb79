// The page: who has no token is asked for one, who has one may ask the line.

import { useState } from "react";
import { Chat } from "./Chat";
import { forgetToken, keepToken, knownToken } from "./token";
import { TokenForm } from "./TokenForm";

export function App() {
  const [token, setToken] = useState(knownToken);

  const enter = (given: string) => {
    keepToken(given);
    setToken(given);
  };
  const leave = () => {
    forgetToken();
    setToken(null);
  };

  if (token === null) {
    return (
      <main className="gate">
        <Mark />
        <h1>Ask the line</h1>
        <p>This page needs a token. It is short-lived, and stays in this tab only.</p>
        <TokenForm onToken={enter} />
      </main>
    );
  }
  return <Chat token={token} onToken={enter} onLeave={leave} />;
}

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M6 22 16 10l10 12" fill="none" stroke="currentColor" strokeWidth="2" />
      <circle cx="6" cy="22" r="4" />
      <circle cx="16" cy="10" r="4" />
      <circle cx="26" cy="22" r="4" />
    </svg>
  );
}
