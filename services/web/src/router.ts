/** Addresses of the pages: `/` and `/d/<document id>`. */

import { documentIdFrom } from './links';

export type Route = { page: 'documents' } | { page: 'document'; id: string } | { page: 'unknown' };

export function routeOf(location: { pathname: string; hash: string }): Route {
  const address = location.hash.startsWith('#/') ? location.hash.slice(1) : location.pathname;
  if (address === '/' || address === '') return { page: 'documents' };
  const id = /^\/d\/[^/]+\/?$/.test(address) ? documentIdFrom(address.replace(/\/$/, '')) : null;
  return id === null ? { page: 'unknown' } : { page: 'document', id };
}

export function addressOfDocument(id: string): string {
  return `/d/${id}`;
}

/** The link to a document that can be given to others. */
export function linkToDocument(id: string): string {
  return new URL(addressOfDocument(id), location.origin).href;
}

export class Router extends EventTarget {
  constructor() {
    super();
    window.addEventListener('popstate', () => this.announce());
    window.addEventListener('hashchange', () => this.announce());
    document.addEventListener('click', (event) => this.followLink(event));
  }

  get route(): Route {
    return routeOf(location);
  }

  go(address: string): void {
    if (address !== location.pathname || location.hash !== '') history.pushState(null, '', address);
    this.announce();
  }

  /** Follows links marked `data-page` without loading the page anew. */
  private followLink(event: MouseEvent): void {
    const hasModifier = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    const link = event.target instanceof Element ? event.target.closest('a[data-page]') : null;
    if (!(link instanceof HTMLAnchorElement) || hasModifier || event.button !== 0 || event.defaultPrevented) return;
    event.preventDefault();
    this.go(link.pathname);
  }

  private announce(): void {
    this.dispatchEvent(new Event('change'));
  }
}
