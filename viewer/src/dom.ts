/** Elements, made in one line. */

import { pending } from "./pending";

type Props<K extends keyof HTMLElementTagNameMap> = Partial<
  Omit<HTMLElementTagNameMap[K], "style" | "dataset">
> & { aria?: Record<string, string> };

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props<K> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  const { aria, ...rest } = props;
  Object.assign(element, rest);
  for (const [name, value] of Object.entries(aria ?? {})) {
    element.setAttribute(`aria-${name}`, value);
  }
  element.append(...children);
  return element;
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element #${id}`);
  return element;
}

export function option(value: string, text: string, selected: boolean): HTMLOptionElement {
  return h("option", { value, textContent: text, selected });
}

/** Run `action` once calls have paused for `wait` milliseconds. */
export function paused<A extends unknown[]>(wait: number, action: (...args: A) => void) {
  let timer = 0;
  return (...args: A): void => {
    if (!timer) pending(1);
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      timer = 0;
      action(...args);
      pending(-1);
    }, wait);
  };
}

/** Replace the contents of an element; what has the focus keeps it, by its id. */
export function refill(target: Element, ...children: Node[]): void {
  const focus = document.activeElement?.id;
  target.replaceChildren(...children);
  if (focus && document.activeElement?.id !== focus) document.getElementById(focus)?.focus();
}
