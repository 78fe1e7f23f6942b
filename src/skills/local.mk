# What the product can be asked for by name: a manifest a skill, read from {prefix}/share/offhook.
skillsdir = $(pkgdatadir)/skills
dist_skills_DATA = \
	src/skills/cancel-booking.json \
	src/skills/concierge.json \
	src/skills/doctor-appointment.json \
	src/skills/hotel-booking.json \
	src/skills/negotiation.json \
	src/skills/restaurant-reservation.json
