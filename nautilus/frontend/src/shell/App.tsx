import { type ReactNode, Suspense, useEffect, useRef } from "react";
import { Link, Route, Switch, useLocation } from "wouter";

import { Loading, Nothing } from "../parts/Notice";
import { Failsafe } from "./Failsafe";
import { PAGES } from "./pages";
import { ThemeChoice } from "./ThemeChoice";

/** The frame around every page. */
export function App() {
  const [location] = useLocation();
  const navigation = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a narrow screen the pages' names scroll.
    const place = PAGES.findIndex(({ path }) => path === location);
    navigation.current?.children[place]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [location]);
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          <img src="/nautilus.svg" alt="" width="28" height="28" />
          Nautilus
        </Link>
        <nav ref={navigation} aria-label="Pages">
          {PAGES.map(({ path, title, prepare }) => (
            <Link
              key={path}
              href={path}
              aria-current={path === location ? "page" : undefined}
              onPointerEnter={prepare}
              onFocus={prepare}
            >
              {title}
            </Link>
          ))}
        </nav>
        <ThemeChoice />
      </header>
      <Switch>
        {PAGES.map(({ path, title, Content }) => (
          <Route key={path} path={path}>
            <Main title={title}>
              <Content />
            </Main>
          </Route>
        ))}
        <Route>
          <Main title="Not found">
            <Nothing title={`There is no page ${location}`} />
          </Main>
        </Route>
      </Switch>
    </>
  );
}

function Main({ title, children }: { title: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Nautilus`;
    // After a click on a link the focus follows, so that the keyboard and a screen reader do.
    if (document.activeElement?.closest("nav")) {
      heading.current?.focus();
    }
  }, [title]);
  return (
    <main id="content">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      <Failsafe>
        <Suspense fallback={<Loading label="Loading the page …" />}>{children}</Suspense>
      </Failsafe>
    </main>
  );
}
