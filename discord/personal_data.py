"""Personal data in the tables of this app, and how each is erased."""

from discord.interactions.erasure import forget
from discord.models import DiscordLink
from players.personal_data import COUNT, HASH, LIST, OURS
from players.privacy.person import Person
from players.privacy.registry import By, Drop, Text, Until, held, impersonal, naming, place

UNTIL_REMOVED = Until("their roles are removed on Discord, or 30 days")


@naming
def linked_to(person: Person) -> Person:
    """Add the person's Discord account with its name."""
    for row in DiscordLink.objects.filter(user_id=person.user_id):
        person = person.known_as([row.name] if row.name else [], [str(row.discord_id)])
    return person


held("discord_links", "user_id", Drop("user_id"))
held("discord_links", "discord_id", Drop("user_id"))
held("discord_links", "name", Drop("user_id"), names="user_id")

# The link's end empties `user_id` and `desired`, and the account keeps its row until then.
held("discord_role_mirrors", "user_id", UNTIL_REMOVED)
held("discord_role_mirrors", "discord_id", UNTIL_REMOVED)
held("discord_role_mirrors", "desired", UNTIL_REMOVED)
held("discord_role_mirrors", "confirmed", UNTIL_REMOVED)
held("discord_role_mirrors", "drift", UNTIL_REMOVED)
held("discord_role_mirrors", "reason", Text())
impersonal("discord_role_mirrors", LIST, "status")
impersonal("discord_role_mirrors", COUNT, "version", "confirmed_version", "attempts")
impersonal("discord_role_mirrors", HASH, "lease")

GUILD = "what the Discord server is, for everybody"
impersonal("discord_guilds", GUILD, "guild_id", "name", "roles", "bot", "problem", "unread")
impersonal("discord_guilds", "where the reading of all members stands", "after")
impersonal("discord_guilds", COUNT, "counters", "figures", "attempts")
impersonal("discord_guilds", HASH, "lease")

place(
    "the Discord server",
    holds="the roles that GRPS gave to the person's linked account",
    forgets="the link's row is deleted, and discord.roles.runner removes the roles",
)

# --- interactions and the queue's messages ---
A_DAY = Until("a day; what was asked is emptied once it is answered, within 15 minutes")
held("discord_interactions", "discord_id", By(forget), A_DAY)
held("discord_interactions", "asked", By(forget), A_DAY)
held("discord_interactions", "answer", By(forget), A_DAY)
impersonal("discord_interactions", HASH, "token", "lease")
impersonal("discord_interactions", COUNT, "attempts")
impersonal("discord_queue_messages", LIST, "kind", "wanted", "shown")
impersonal("discord_queue_messages", HASH, "nonce", "lease")
impersonal("discord_interactions", "the number that Discord gave to the interaction", "id")
held("discord_queue_messages", "player_id", By(forget))
impersonal("discord_queue_messages", "numbers of Discord's", "channel_id", "message_id")
impersonal("discord_queue_messages", OURS, "key")
impersonal("discord_queue_messages", "why Discord did not take it", "problem")
impersonal("discord_queue_messages", COUNT, "attempts")
place(
    "the messages of the queue in Discord's staff channel",
    holds="names and reasons of what waits or was decided in the last 30 days",
    forgets="discord.interactions.erasure.forget has them deleted",
)
