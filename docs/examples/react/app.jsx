import { CarillonInbox, InboxProvider, useFeed, useUnreadCount } from 'carillon-inbox/react'
import { useState } from 'react'

/** Rows of the application's own. */
const Row = ({ message }) => <p className="row-of-mine">{message.title}</p>

const Read = ({ title, onClick }) => (
  <button type="button" onClick={onClick}>
    Read {title}
  </button>
)

/** An interface of the application's own, on the hooks alone. */
function Feed() {
  const unread = useUnreadCount()
  const { messages, mark } = useFeed()
  return (
    <section aria-label="Feed">
      <h2>{unread} unread</h2>
      <ul>
        {messages.map(({ id, title, readAt }) => (
          <li key={id}>
            {title} {readAt === null ? <Read title={title} onClick={() => mark([id], { read: true })} /> : 'was read'}
          </li>
        ))}
      </ul>
    </section>
  )
}

export function App({ server, getToken }) {
  const [last, setLast] = useState('nothing')
  return (
    <main>
      <h1>Shop</h1>
      <CarillonInbox
        server={server}
        tokenProvider={getToken}
        mode="inline"
        renderItem={(message) => <Row message={message} />}
        onMessage={(message) => setLast(message.title)}
      />
      <p>Last: {last}</p>
      <InboxProvider server={server} tokenProvider={getToken}>
        <Feed />
      </InboxProvider>
    </main>
  )
}
