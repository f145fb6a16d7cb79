// The visitor's token: it comes with the address (`#token=…`) or is pasted, and stays in this tab.

const PLACE = "dsline-token";

/// The token of this tab, if it has one. The address is cleaned, so that it can be shared and is not kept in the history.
export function knownToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(null, "", location.pathname + location.search);
    keepToken(given);
  }
  return sessionStorage.getItem(PLACE);
}

export function keepToken(token: string) {
  sessionStorage.setItem(PLACE, token);
}

export function forgetToken() {
  sessionStorage.removeItem(PLACE);
}
