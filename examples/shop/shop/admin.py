from django.contrib import admin

from shop.models import Customer, Payment


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "email", "joined_at", "subscription_lapses_at", "deactivated_at")
    search_fields = ("name", "email")


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "sender", "cents", "status", "transfer_id", "created_at")
    list_filter = ("status",)
